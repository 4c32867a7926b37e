"""What can be written of a case that is images alone: which prior cases look like it, and what those were.

Nothing is said of what the images show, for no source says it. A statement hands on the diagnosis of a prior case,
which the gate checks; that an image of it resembles one of this case was measured, and is added to what has passed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cdss.reasoning.composer import Sources
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.types import Candidate, CitationDraft, DiagnosisDraft, EvidenceText, StatementDraft

MOST_CASES = 3
_DIAGNOSIS = re.compile(r"^Diagnosis:[ \t]*\n(?P<name>[^\n]+)", re.MULTILINE)
_HANDED_ON = "The source states"
RESEMBLES = "An image of this case resembles one of the source, a case of"


def compose_from_images(*, candidates: Sequence[Candidate], sources: Sources) -> list[DiagnosisDraft]:
    drafts = [
        DiagnosisDraft(
            name=candidate.name,
            concept=candidate.concept,
            score=candidate.score,
            statements=list(_diagnosed(candidate, sources))[:MOST_CASES],
            codes=candidate.codes,
            must_not_miss=candidate.must_not_miss,
        )
        for candidate in candidates
    ]
    return [draft for draft in drafts if draft.statements]


def _diagnosed(candidate: Candidate, sources: Sources) -> Iterator[StatementDraft]:
    for item in candidate.items:
        evidence = sources.evidence.get(item)
        if evidence and (citation := _diagnosis_of(evidence, candidate.concept)):
            yield StatementDraft(f"{_HANDED_ON} “{citation.quote}”.", "for", [citation])


def _diagnosis_of(evidence: EvidenceText, concept: str) -> CitationDraft | None:
    found = _DIAGNOSIS.search(evidence.text)
    if found is None or (named := concept_of(found["name"])) is None or named.key != concept:
        return None
    quote = found["name"].strip()
    start = found.start("name") + found["name"].index(quote)
    return CitationDraft(evidence.label, quote, start, start + len(quote))


def with_resemblance(checked: Sequence[DiagnosisDraft]) -> list[DiagnosisDraft]:
    """The diagnoses of which something passed the gate, each statement with the resemblance it rests on."""
    return [
        replace(draft, statements=[_resembling(statement) for statement in draft.statements])
        for draft in checked
        if any(statement.support != "unsupported" for statement in draft.statements)
    ]


def _resembling(statement: StatementDraft) -> StatementDraft:
    return replace(statement, text=statement.text.replace(_HANDED_ON, RESEMBLES, 1))
