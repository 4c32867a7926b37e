"""A stored consultation as one JSON object: a line of `consult` output, with what it was asked and what made it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from cdss.consultations.demographics import read_from_history
from cdss.consultations.models import Answer, Consultation, Diagnosis, Evidence, Stage, Stance, Statement
from cdss.consultations.presenters import COMPOSER, chosen_answer
from cdss.consultations.reads import quarantined
from cdss.library.disputes import standing_disputes
from cdss.library.recalls import standing_recalls
from cdss.library.standing import Dispute, Recall


class Standing(NamedTuple):
    """What has been said since of the items that were read."""

    recalls: Mapping[int, Recall]
    disputes: Mapping[int, Sequence[Dispute]]


CASE = ("age", "sex", "history", "exam", "findings")


def exported(consultation: Consultation) -> dict[str, Any]:
    """Expects the prefetches of `whole_consultation_for`. The answer is the one the page opens with."""
    answers = list(consultation.answers.all())
    evidence = list(consultation.evidence.all())
    items = [row.item_id for row in evidence if row.item_id]
    standing = Standing(standing_recalls(items), standing_disputes(items))
    bad = quarantined(consultation)
    labels = {row.pk: row.label for row in evidence}
    chosen = chosen_answer(answers, "")
    abstention = {"abstention": consultation.abstention} if consultation.abstention else {}
    return {
        "id": str(consultation),
        "abstained": bool(consultation.abstention),
        "model": chosen.writer if chosen else COMPOSER,
        "index_version": consultation.index_version,
        "timings_ms": {step.name: step.duration_ms for step in consultation.steps.all()},
        "diagnoses": _diagnoses(chosen, labels) if chosen else [],
        "evidence": [_evidence(row, standing) | ({"quarantined": True} if row.pk in bad else {}) for row in evidence],
        **abstention,
        **({"gamuts": consultation.gamuts} if consultation.gamuts else {}),
        **({"hypotheses": consultation.hypotheses} if consultation.hypotheses else {}),
        "status": consultation.status,
        "asked": consultation.created.isoformat(),
        "answered": consultation.finished.isoformat() if consultation.finished else None,
        "case": {name: getattr(consultation, name) for name in CASE},
        "read_from_history": asdict(read_from_history(consultation)),
        "understood": consultation.understood,
        "corrections": consultation.corrections,
        "own_differential": _own(consultation),
        "removed_identifiers": consultation.removed_identifiers,
        "images": [
            {"sha256": image.sha256, "modality": image.modality, "frames": image.frames}
            for image in consultation.images.all()
        ],
        "versions": {
            "text_encoder": consultation.text_encoder,
            "image_encoder": consultation.image_encoder,
            "weights": consultation.weights_version,
            "weights_sha256": consultation.weights_sha256,
            "breadth": consultation.breadth,
        }
        | ({"cross_encoder": consultation.cross_encoder} if consultation.cross_encoder else {}),
        "answers": [
            {
                "model": answer.writer,
                "state": answer.state,
                "prompt_sha256": answer.prompt_sha256,
                "note": answer.note,
                "diagnoses": _diagnoses(answer, labels),
            }
            for answer in answers
        ],
    }


def _diagnoses(answer: Answer, labels: dict[int, str]) -> list[dict[str, Any]]:
    return [_diagnosis(row, labels) for row in answer.diagnoses.all()]


def _diagnosis(row: Diagnosis, labels: dict[int, str]) -> dict[str, Any]:
    texts = {statement.position: statement.text for statement in row.statements.all()}
    statements = [(statement.stance, _statement(statement, labels, texts)) for statement in row.statements.all()]
    return {
        "rank": row.rank,
        "name": row.name,
        "score": row.score,
        "likelihood": row.likelihood,
        "probability": row.probability,
        "codes": row.codes,
        "must_not_miss": row.must_not_miss,
        "unexplained": row.unexplained,
        "statements": [{**said, "stance": stance} for stance, said in statements if stance != Stance.NEXT_STEP],
        "next_steps": [said for stance, said in statements if stance == Stance.NEXT_STEP],
    }


def _statement(row: Statement, labels: dict[int, str], texts: dict[int, str]) -> dict[str, Any]:
    return {
        "text": row.text,
        "support": row.support,
        "reasons": row.reasons,
        "conflicts_with": [texts[position] for position in row.conflicts if position in texts],
        "citations": [
            {"evidence": labels[cited.evidence_id], "quote": cited.quote, "start": cited.start, "end": cited.end}
            for cited in row.citations.all()
        ],
    }


def _own(consultation: Consultation) -> dict[str, list[str]]:
    """What its clinician thought, before the answer was shown and after it was read; empty where nobody was asked."""
    rows = consultation.own_diagnoses.all()
    return {stage: [own.name for own in rows if own.stage == stage] for stage in Stage.values}


def _evidence(row: Evidence, standing: Standing) -> dict[str, Any]:
    item = row.item_id or 0
    recall = standing.recalls.get(item)
    disputes = [each for each in standing.disputes.get(item, ()) if each.quote in row.text]
    return {
        "id": row.label,
        "kind": row.kind,
        "source_id": row.source_id,
        "title": row.title,
        "text": row.text,
        "score": row.score,
        "source_name": row.source_name,
        "text_sha256": row.text_sha256,
        "details": row.details,
        "scores": row.scores,
        "recall": {"kind": recall.kind, "since": recall.created.isoformat(), "reason": recall.reason}
        if recall
        else None,
        "disputes": [{"quote": each.quote, "votes": len(each.votes.all()), "why": dict(each.why)} for each in disputes],
    }
