"""Statements that can be shown wrong: altered in one place, and refused by the gate for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cdss.consultations.model_answer import stored_evidence
from cdss.consultations.models import Answer, Stance, Statement, Support
from cdss.consultations.pipeline import check_one
from cdss.consultations.wording import said_in
from cdss.consultations.working import case_of
from cdss.drills.altering import number_changed, side_exchanged
from cdss.drills.models import Change
from cdss.drills.turning import negation_turned
from cdss.reasoning.composer import WRITER
from cdss.reasoning.types import CaseInput, CitationDraft, EvidenceText, StatementDraft
from cdss.reasoning.understanding import read_case

MOST = 24
ALTERATIONS: Mapping[Change, Callable[[str], str | None]] = {
    Change.NEGATION: negation_turned,
    Change.SIDE: side_exchanged,
    Change.NUMBER: number_changed,
}


@dataclass(frozen=True, slots=True)
class Plant:
    statement: Statement
    change: Change
    text: str


def answer_of(consultation_id: int) -> Answer | None:
    rows = Answer.objects.filter(consultation=consultation_id, writer=WRITER)
    return rows.prefetch_related("diagnoses__statements__citations__evidence").first()


def plants(answer: Answer) -> list[Plant]:
    """What could be planted in this answer, the first diagnoses first. Every one is a statement the gate refuses."""
    case, evidence = read_case(case_of(answer.consultation)).case, _evidence(answer)
    found: list[Plant] = []
    for statement in _statements(answer):
        for change in Change:
            text = altered(statement, change)
            if text and _is_refused(statement, text, evidence, case):
                found.append(Plant(statement, change, text))
        if len(found) >= MOST:
            break
    return found[:MOST]


def plant(answer: Answer, *, statement: int, change: str) -> Plant | None:
    """The one that was chosen, made anew: what a browser sends is never shown as a statement."""
    return next((each for each in plants(answer) if each.statement.pk == statement and each.change == change), None)


def altered(statement: Statement, change: Change) -> str | None:
    """The source's words changed, and the case's left alone: the error can be found by reading the citation."""
    said = said_in(statement.text)
    before = said.source if said else statement.text
    after = ALTERATIONS[change](before)
    if not after or after == before:
        return None
    head, found, tail = statement.text.rpartition(before)
    return f"{head}{after}{tail}" if found else None


def _statements(answer: Answer) -> Iterator[Statement]:
    for diagnosis in answer.diagnoses.all():
        for statement in diagnosis.statements.all():
            supported = statement.support == Support.SUPPORTED and statement.stance != Stance.NEXT_STEP
            if supported and not statement.conflicts and statement.citations.all():
                yield statement


def _evidence(answer: Answer) -> dict[str, EvidenceText]:
    return {text.label: text for text in stored_evidence(answer.consultation)}


def _is_refused(statement: Statement, text: str, evidence: Mapping[str, EvidenceText], case: CaseInput) -> bool:
    cited = [CitationDraft(c.evidence.label, c.quote, c.start, c.end) for c in statement.citations.all()]
    draft = StatementDraft(text=text, stance=statement.stance, citations=cited)  # type: ignore[arg-type]
    return check_one(draft, evidence, case).support == Support.UNSUPPORTED
