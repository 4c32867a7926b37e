"""Supported statements of one diagnosis that say opposite things."""

from dataclasses import replace

import pytest

from cdss.reasoning.composer import Sources, compose
from cdss.reasoning.conflicts import with_conflicts
from cdss.reasoning.types import (
    Candidate,
    CaseInput,
    CitationDraft,
    DiagnosisDraft,
    EvidenceText,
    Stance,
    StatementDraft,
)

TYPICAL = "Popcorn calcification is typical of a hamartoma."
ABSENT = "Calcification is absent in a hamartoma."


def conflicts(
    *said: tuple[str, str, Stance],
    kinds: tuple[str, ...] = ("literature", "literature"),
    case: str = "A nodule.",
    **changed: str,
) -> list[tuple[int, ...]]:
    """Of statements given as text, quote and stance; each cites a piece of evidence of its own."""
    evidence, statements = [], []
    for number, ((text, quote, stance), kind) in enumerate(zip(said, kinds, strict=True), start=1):
        whole = f"Findings:\n{quote}" if kind == "case" else quote
        whole = f"Discussion:\n{quote}" if kind == "discussion" else whole
        start = whole.index(quote)
        label = changed.get("label", f"E{number}")
        evidence.append(EvidenceText(label, "case" if kind == "discussion" else kind, str(number), "", whole, 1.0))
        cited = CitationDraft(label, quote, start, start + len(quote))
        statements.append(StatementDraft(text or quote, stance, [cited], "supported"))
    draft = DiagnosisDraft("Hamartoma", "hamartoma", 1.0, statements)
    found = with_conflicts([draft], evidence, CaseInput(findings=case))[0].statements
    assert [replace(statement, conflicts=()) for statement in found] == statements
    return [tuple(statement.conflicts) for statement in found]


def test_one_source_affirms_what_another_denies() -> None:
    assert conflicts(("", TYPICAL, "for"), ("", ABSENT, "against")) == [(1,), (0,)]
    assert conflicts(("", ABSENT, "for"), ("", TYPICAL, "for")) == [(1,), (0,)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TYPICAL, "Calcification is frequent in a hamartoma."),
        # Who denies the one like popcorn has not denied all others.
        ("Calcification is typical.", "Popcorn calcification is absent."),
        ("Mass effect is typical.", "No mass is seen."),
        ("Calcification of the left lung is typical.", "Calcification of the right lung is absent."),
        ("Calcification is typical.", "Fat is absent."),
        ("Calcification is rare.", "Calcification is absent."),
        ("Calcification is typical.", "Calcification may be absent."),
    ],
)
def test_what_is_no_contradiction(first: str, second: str) -> None:
    assert conflicts(("", first, "for"), ("", second, "for")) == [(), ()]


def test_a_source_does_not_contradict_itself() -> None:
    assert conflicts(("", TYPICAL, "for"), ("", ABSENT, "against"), label="E1") == [(), ()]


def test_two_patients_who_differ_are_no_contradiction() -> None:
    pair = (("", TYPICAL, "for"), ("", ABSENT, "for"))
    assert conflicts(*pair, kinds=("case", "case")) == [(), ()]
    assert conflicts(*pair, kinds=("literature", "case")) == [(), ()]
    # What the discussion of a case says of the disease counts as any text on it does.
    assert conflicts(*pair, kinds=("literature", "discussion")) == [(1,), (0,)]


def test_one_finding_of_the_case_used_both_ways() -> None:
    case = "A nodule with popcorn calcification. No fever."
    statements = (
        ("This case reports “popcorn calcification”; the source states “It calcifies.”.", "It calcifies.", "for"),
        ("The popcorn calcification of this case is unusual.", "It is unusual.", "against"),
    )
    assert conflicts(*statements, case=case) == [(1,), (0,)]
    # Of another finding, and of the same one in the same sense.
    other = ("The absence of fever is unusual.", "It is unusual.", "against")
    assert conflicts(statements[0], other, case=case) == [(), ()]
    assert conflicts(statements[0], (*statements[1][:2], "for"), case=case) == [(), ()]


def test_what_only_hands_on_a_source_uses_no_finding_of_the_case() -> None:
    case = "Popcorn calcification."
    alone = ("The source states “Popcorn calcification is seen.”.", "Popcorn calcification is seen.", "for")
    used = ("This case reports “popcorn calcification”; the source states “Rarely.”.", "Rarely.", "against")
    assert conflicts(alone, used, case=case) == [(), ()]


@pytest.mark.parametrize(
    ("support", "stance"), [("partly", "against"), ("unsupported", "against"), ("supported", "next")]
)
def test_only_supported_statements_for_and_against_are_compared(support: str, stance: Stance) -> None:
    evidence = [EvidenceText(f"E{n}", "literature", "", "", text, 1.0) for n, text in enumerate((TYPICAL, ABSENT))]
    statements = [
        StatementDraft(TYPICAL, "for", [CitationDraft("E0", TYPICAL, 0, len(TYPICAL))], "supported"),
        StatementDraft(ABSENT, stance, [CitationDraft("E1", ABSENT, 0, len(ABSENT))], support),  # type: ignore[arg-type]
    ]
    found = with_conflicts([DiagnosisDraft("H", "h", 1.0, statements)], evidence, CaseInput())[0]
    assert [statement.conflicts for statement in found.statements] == [(), ()]


def test_the_composer_keeps_what_speaks_against_a_finding_that_speaks_for_it() -> None:
    texts = (
        "Popcorn calcification is seen in most patients.",
        "Popcorn calcification is absent in most patients.",
        "The popcorn calcification is dense.",
        "Smoking doubles the risk. Women are affected less often. Resection cures it. Growth takes years.",
    )
    pieces = {n: EvidenceText(f"E{n}", "literature", "", "Hamartoma", text, 1.0) for n, text in enumerate(texts)}
    sources = Sources(pieces, {n: frozenset(["hamartoma"]) for n in pieces}, {})
    case = CaseInput(findings="Popcorn calcification.")
    drafts = compose(case=case, candidates=[Candidate("Hamartoma", "hamartoma", 1.0, [0, 1, 2])], sources=sources)
    told = [(statement.stance, statement.citations[0].evidence) for statement in drafts[0].statements]
    assert told == [("for", "E0"), ("against", "E1")]
    checked = [replace(statement, support="supported") for statement in drafts[0].statements]
    found = with_conflicts([replace(drafts[0], statements=checked)], pieces.values(), case)[0]
    assert [statement.conflicts for statement in found.statements] == [(1,), (0,)]
