"""A consultation's progress, written to the database while it is worked on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from cdss.consultations.evidence import Retrieved
from cdss.consultations.freezing import EvidenceDraft
from cdss.consultations.models import Answer, Citation, Consultation, Diagnosis, Evidence, Statement, Step
from cdss.consultations.pipeline import CancelledError
from cdss.reasoning.types import DiagnosisDraft, StatementDraft


class Recorder:
    """A pipeline.Watch that keeps steps, evidence and a heartbeat, and stops where its user cancelled."""

    def __init__(self, consultation: Consultation) -> None:
        self.consultation = consultation

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.beat()
        step = Step.objects.create(consultation=self.consultation, name=name, started=timezone.now())
        started = time.perf_counter()
        yield
        step.duration_ms = (time.perf_counter() - started) * 1000
        step.save(update_fields=["duration_ms"])

    def understood(self, findings: Sequence[dict[str, object]]) -> None:
        Consultation.objects.filter(pk=self.consultation.pk).update(understood=list(findings))

    def evidence(self, retrieved: Retrieved, drafts: Sequence[EvidenceDraft]) -> None:
        with transaction.atomic():
            Evidence.objects.bulk_create(evidence_rows(self.consultation, drafts))
            self.versions(retrieved)

    def versions(self, retrieved: Retrieved) -> None:
        Consultation.objects.filter(pk=self.consultation.pk).update(
            index_version=retrieved.index_version,
            text_encoder=retrieved.text_encoder,
            image_encoder=retrieved.image_encoder,
            cross_encoder=retrieved.cross_encoder[:200],
            weights_version=retrieved.weights.version,
            weights_sha256=retrieved.weights.sha256,
            breadth=retrieved.breadth or None,
        )

    def beat(self) -> None:
        """Says that the worker lives. Raises CancelledError when the user has cancelled."""
        rows = Consultation.objects.filter(pk=self.consultation.pk)
        rows.update(heartbeat=timezone.now())
        if rows.filter(cancel_requested=True).exists():
            raise CancelledError


def evidence_rows(consultation: Consultation, drafts: Sequence[EvidenceDraft], *, first: int = 1) -> Iterator[Evidence]:
    for rank, draft in enumerate(drafts, start=first):
        text = draft.text
        yield Evidence(
            consultation=consultation,
            label=text.label,
            rank=rank,
            kind=text.kind,
            item_id=draft.item,
            image_id=draft.image,
            source_name=draft.source_name,
            source_id=text.source_id,
            title=text.title,
            details=dict(text.details),
            text=text.text,
            text_sha256=draft.text_sha256,
            item_start=draft.item_start,
            item_hash=draft.item_hash,
            score=text.score,
            scores=dict(draft.scores),
        )


def diagnoses_store(*, answer: Answer, drafts: Sequence[DiagnosisDraft], first_rank: int = 1) -> list[Diagnosis]:
    """A whole differential in three inserts."""
    with transaction.atomic():
        rows = Diagnosis.objects.bulk_create(
            Diagnosis(
                answer=answer,
                rank=rank,
                name=draft.name[:300],
                concept=draft.concept[:300],
                score=draft.score,
                likelihood=draft.likelihood,
                probability=draft.probability,
                codes=dict(draft.codes),
                must_not_miss=draft.must_not_miss,
                unexplained=list(draft.unexplained),
            )
            for rank, draft in enumerate(drafts, start=first_rank)
        )
        placed = [(row, n, s) for row, draft in zip(rows, drafts, strict=True) for n, s in enumerate(draft.statements)]
        statements_store(consultation=answer.consultation, placed=placed)
    return rows


def statements_store(
    *, consultation: Consultation, placed: Sequence[tuple[Diagnosis, int, StatementDraft]]
) -> list[Statement]:
    """Statements with their citations; a citation of evidence that does not exist has nothing to point to."""
    evidence = dict(consultation.evidence.values_list("label", "pk"))
    rows = Statement.objects.bulk_create(
        Statement(
            diagnosis=diagnosis,
            position=position,
            text=draft.text,
            stance=draft.stance,
            support=draft.support,
            reasons=list(draft.reasons),
            conflicts=list(draft.conflicts),
        )
        for diagnosis, position, draft in placed
    )
    Citation.objects.bulk_create(
        Citation(statement=row, evidence_id=evidence[c.evidence], quote=c.quote, start=c.start, end=c.end)
        for row, (_, _, draft) in zip(rows, placed, strict=True)
        for c in draft.citations
        if c.evidence in evidence
    )
    return rows
