"""What becomes of a statement with its citations."""

from collections.abc import Callable

import pytest

from cdss.reasoning.gate import check_statement
from cdss.reasoning.types import CaseInput, CitationDraft, EvidenceText, StatementDraft

TEXT = (
    "Radiology:\nWell-circumscribed nodule with a smooth border. No fat is seen in 40% of cases. "
    "Hamartomas often hold fat. Calcification is rare."
)
EVIDENCE = {"E1": EvidenceText("E1", "literature", "x", "Pulmonary hamartoma", TEXT, 1.0)}
CASE = CaseInput(
    age="58",
    sex="male",
    history="58 yo man with neck pain.",
    findings="Well-marginated mass in the left lung with smooth borders. No fat is evident. "
    "Popcorn calcification is seen.",
)
FAT = "Hamartomas often hold fat."


@pytest.fixture
def checked() -> Callable[..., StatementDraft]:
    def check(
        text: str, quote: str = FAT, *, evidence: str = "E1", start: int | None = None, case: CaseInput | None = CASE
    ) -> StatementDraft:
        at = TEXT.find(quote) if start is None else start
        statement = StatementDraft(text, "for", [CitationDraft(evidence, quote, at, at + len(quote))])
        return check_statement(statement=statement, evidence=EVIDENCE, case=case)

    return check


def test_a_quote_repeated_is_supported(checked: Callable[..., StatementDraft]) -> None:
    assert checked(FAT).support == "supported"


def test_a_statement_without_a_citation_is_not_shown() -> None:
    found = check_statement(statement=StatementDraft(FAT, "for", []), evidence=EVIDENCE, case=CASE)
    assert (found.support, list(found.reasons)) == ("unsupported", ["no-citation"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"evidence": "E9"}, "unknown-evidence:E9"),
        ({"quote": "Hamartomas always hold fat."}, "quote-altered"),
        ({"quote": " … "}, "quote-empty"),
        ({"quote": "is", "start": 0}, "quote-ambiguous"),
    ],
)
def test_a_broken_citation_is_not_supported(
    checked: Callable[..., StatementDraft], options: dict[str, object], reason: str
) -> None:
    found = checked(FAT, **options)
    assert (found.support, list(found.reasons)) == ("unsupported", [reason])


def test_wrong_offsets_are_set_right_when_the_quote_stands_once(checked: Callable[..., StatementDraft]) -> None:
    found = checked(FAT, start=3)
    (citation,) = found.citations
    assert TEXT[citation.start : citation.end] == citation.quote == FAT
    assert (found.support, list(found.reasons)) == ("supported", ["offsets-repaired:E1"])


def test_one_broken_citation_among_good_ones_is_enough() -> None:
    good = CitationDraft("E1", FAT, TEXT.find(FAT), TEXT.find(FAT) + len(FAT))
    statement = StatementDraft(FAT, "for", [good, CitationDraft("E2", FAT, 0, len(FAT))])
    assert check_statement(statement=statement, evidence=EVIDENCE, case=None).support == "unsupported"


def test_words_in_quotation_marks_must_stand_in_the_quote(checked: Callable[..., StatementDraft]) -> None:
    assert checked("The source states “Hamartomas often hold fat”.").support == "supported"
    found = checked("The source states “Hamartomas always hold much fat”.")
    assert (found.support, list(found.reasons)) == ("unsupported", ["quote-altered:in-text"])


def test_a_quote_cut_out_of_its_denial_says_nothing(checked: Callable[..., StatementDraft]) -> None:
    found = checked("Fat is seen in 40% of cases.", "fat is seen in 40% of cases.")
    assert (found.support, list(found.reasons)) == ("unsupported", ["negation"])


def test_what_the_case_is_said_to_report_is_looked_up_in_the_case(checked: Callable[..., StatementDraft]) -> None:
    told = checked(f"This case reports “Popcorn calcification”; the source states “{FAT}”.")
    assert told.support == "supported"
    assert checked(f"This case denies “fat”; the source states “{FAT}”.").support == "supported"
    found = checked(f"This case reports “fat”; the source states “{FAT}”.")
    assert (found.support, list(found.reasons)) == ("unsupported", ["case-negation"])


def test_a_side_that_the_case_has_not_is_not_supported(checked: Callable[..., StatementDraft]) -> None:
    quote = "Well-circumscribed nodule with a smooth border."
    assert (
        checked("The patient's smooth left lung mass fits a well-circumscribed nodule.", quote).support == "supported"
    )
    assert (
        checked("The patient's smooth right lung mass fits a well-circumscribed nodule.", quote).support != "supported"
    )


def test_words_of_the_case_alone_make_no_general_truth(checked: Callable[..., StatementDraft]) -> None:
    assert checked("Hamartomas often hold popcorn calcification.").support != "supported"


def test_the_title_stands_in_for_the_subject_of_a_fragment(checked: Callable[..., StatementDraft]) -> None:
    quote = "Well-circumscribed nodule with a smooth border."
    assert checked("Pulmonary hamartoma is a well-circumscribed nodule.", quote).support == "supported"
    assert checked("Tuberculoma is a well-circumscribed nodule.", quote).support != "supported"


def test_a_statement_of_nothing_is_not_supported(checked: Callable[..., StatementDraft]) -> None:
    assert checked("").support == "unsupported"
    assert checked("…").support == "unsupported"


def test_the_statement_itself_is_left_as_it_was(checked: Callable[..., StatementDraft]) -> None:
    found = checked("Hamartomas never hold fat.")
    assert (found.text, found.stance) == ("Hamartomas never hold fat.", "for")
