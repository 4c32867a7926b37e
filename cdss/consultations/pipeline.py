"""The line of one consultation: from a case to a checked, ranked differential diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from django.conf import settings

from cdss.consultations.demographics import completed
from cdss.consultations.evidence import Retrieved, Scope, patient_of, retrieve
from cdss.consultations.freezing import EvidenceDraft, freeze, sources_of
from cdss.consultations.gamuts import Beside, gamuts_of
from cdss.consultations.understanding import understood_rows
from cdss.reasoning.composer import compose
from cdss.reasoning.conflicts import with_conflicts
from cdss.reasoning.gate import Likelihood, check_statement
from cdss.reasoning.image_composer import compose_from_images, with_resemblance
from cdss.reasoning.placement import listed, placed
from cdss.reasoning.types import CaseInput, DiagnosisDraft, EvidenceText, StatementDraft
from cdss.reasoning.understanding import read_case
from retrieval.types import Pixels


class Watch(Protocol):
    """Told what happens while it happens. Leaving a step may raise CancelledError."""

    def step(self, name: str) -> AbstractContextManager[None]: ...
    def understood(self, findings: Sequence[dict[str, object]]) -> None: ...
    def evidence(self, retrieved: Retrieved, drafts: Sequence[EvidenceDraft]) -> None: ...


class CancelledError(Exception):
    """Its user cancelled the consultation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, or the reasons for giving none."""

    retrieved: Retrieved
    evidence: Sequence[EvidenceDraft] = ()
    diagnoses: Sequence[DiagnosisDraft] = ()
    # Beside the answer, no part of it.
    gamuts: Sequence[Beside] = ()
    abstention: dict[str, object] = field(default_factory=dict)


def consult(*, case: CaseInput, load_pixels: Callable[[], Sequence[Pixels]], scope: Scope, watch: Watch) -> Outcome:
    case = completed(case)
    with watch.step("understand"):
        reading = read_case(case)
        watch.understood(understood_rows(reading))
        pixels = _without_overlays(load_pixels())
    with watch.step("search"):
        retrieved = retrieve(case=reading.searched, told=case, pixels=pixels, scope=scope)
    if reason := too_little(retrieved):
        return Outcome(retrieved, abstention=_abstention(reason, case, pixels, retrieved))
    with watch.step("rank"):
        evidence = freeze(retrieved)
        watch.evidence(retrieved, evidence)
    with watch.step("write"):
        sources = sources_of(retrieved, evidence)
        if retrieved.by_images:
            drafts = compose_from_images(candidates=retrieved.candidates, sources=sources)
        else:
            drafts = compose(case=case, candidates=retrieved.candidates, sources=sources, patient=patient_of(case))
    with watch.step("check"):
        texts = [draft.text for draft in evidence]
        diagnoses = with_conflicts(check(drafts, texts, reading.case), texts, case)
        if retrieved.by_images:
            diagnoses = with_resemblance(diagnoses)
    if not diagnoses:
        return Outcome(retrieved, evidence, abstention=_abstention("no_candidate", case, pixels, retrieved))
    return Outcome(retrieved, evidence, diagnoses, gamuts_of(case))


def _without_overlays(pixels: Sequence[Pixels]) -> list[Pixels]:
    """Burnt-in marks of a site or a viewer would find images of the same site, not of the same disease."""
    from retrieval.imaging import mask_overlays

    return [mask_overlays(frame) for frame in pixels]


def too_little(retrieved: Retrieved) -> str:
    """Why the evidence does not carry an answer; empty when it does."""
    if not retrieved.found:
        return "nothing_found"
    if retrieved.by_images and retrieved.best_image < settings.IMAGE_RELEVANCE_FLOOR:
        return "images_below_floor"
    if not retrieved.by_images and _is_far(retrieved):
        return "below_floor"
    if not retrieved.candidates:
        return "no_candidate"
    best = retrieved.candidates[0].probability
    return "unsure" if best is not None and best < settings.PROBABILITY_FLOOR else ""


def _is_far(retrieved: Retrieved) -> bool:
    return retrieved.best_dense < settings.RELEVANCE_FLOOR or not retrieved.shares_words


def check(
    drafts: Sequence[DiagnosisDraft],
    evidence: Sequence[EvidenceText],
    case: CaseInput,
    beside: Sequence[DiagnosisDraft] = (),
    vote: Likelihood | None = None,
) -> list[DiagnosisDraft]:
    """`beside` are diagnoses that another writer named: what speaks of one of them speaks for none of these."""
    by_label = {text.label: text for text in evidence}
    among = listed([*drafts, *beside], evidence, case)

    def judged(draft: DiagnosisDraft, statement: StatementDraft) -> StatementDraft:
        return placed(check_one(statement, by_label, case, vote), diagnosis=draft.name, among=among)

    return [replace(draft, statements=[judged(draft, each) for each in draft.statements]) for draft in drafts]


def check_one(
    statement: StatementDraft, by_label: Mapping[str, EvidenceText], case: CaseInput, vote: Likelihood | None = None
) -> StatementDraft:
    """The statement as the gate judged it, with the citations alone that lead somewhere."""
    judged = check_statement(statement=statement, evidence=by_label, case=case, vote=vote)
    standing = [
        citation
        for citation in judged.citations
        if (source := by_label.get(citation.evidence))
        and citation.quote
        and source.text[citation.start : citation.end] == citation.quote
    ]
    return replace(judged, citations=standing)


def _abstention(reason: str, case: CaseInput, pixels: Sequence[Pixels], retrieved: Retrieved) -> dict[str, object]:
    missing = [name for name in ("history", "exam", "findings") if not getattr(case, name)]
    return {
        "reason": reason,
        "searched": {
            "index_version": retrieved.index_version,
            "items_found": len(retrieved.found),
            "best_similarity": round(retrieved.best_image if retrieved.by_images else retrieved.best_dense, 3),
            "floor": settings.IMAGE_RELEVANCE_FLOOR if retrieved.by_images else settings.RELEVANCE_FLOOR,
            "images": len(pixels),
        },
        "missing": missing if pixels else [*missing, "images"],
    }
