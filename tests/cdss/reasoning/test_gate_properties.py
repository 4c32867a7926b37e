"""What must hold for every claim and passage, whatever they say."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from cdss.reasoning.gate import check_statement, find_support
from cdss.reasoning.types import CitationDraft, EvidenceText, StatementDraft

SENTENCES = (
    "The lesion is hyperintense on T2.",
    "Calcification may be seen in 30% of cases.",
    "The left kidney is enlarged.",
    "There is a 3 cm mass in the right lung.",
    "Patients usually present with pain.",
    "The nodules are not calcified.",
    "No enhancement is present.",
    "The cyst was resected without complication.",
    "Seizures can occur before age 10 years.",
    "Pleural effusion is rare.",
)
LINES = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5, unique=True)
TEXT = st.text(alphabet='Tnohe left3 cm.,;:“”"\n()-%may', max_size=120)
_NOT = re.compile(r"\b(is|are|was|were|may|can) not\b|\bNo (?=[a-z])|\bwithout\b")


def flipped(sentence: str) -> str:
    if match := _NOT.search(sentence):
        new = {"No ": "", "without": "with"}.get(match.group(), match.group().replace(" not", ""))
        made = sentence[: match.start()] + new + sentence[match.end() :]
        return made[0].upper() + made[1:]
    made = re.sub(r"\b(is|are|was|were|may|can)\b", r"\1 not", sentence, count=1)
    return made if made != sentence else sentence.replace("usually present", "do not usually present")


@given(claim=TEXT, passage=TEXT)
def test_the_quote_always_stands_at_its_offsets(claim: str, passage: str) -> None:
    verdict = find_support(claim, passage)
    assert passage[verdict.start : verdict.end] == verdict.quote
    assert verdict.support == "supported" or verdict.reasons


@given(lines=LINES, data=st.data())
def test_a_sentence_of_the_passage_is_supported_by_itself(lines: list[str], data: st.DataObject) -> None:
    claim = data.draw(st.sampled_from(lines))
    verdict = find_support(claim, " ".join(lines))
    assert (verdict.support, verdict.reasons) == ("supported", ())
    assert claim in verdict.quote


@given(lines=LINES, data=st.data())
def test_a_flipped_denial_is_never_supported(lines: list[str], data: st.DataObject) -> None:
    claim = flipped(data.draw(st.sampled_from(lines)))
    assert find_support(claim, " ".join(lines)).support != "supported"


@given(lines=LINES, data=st.data(), space=st.sampled_from(["  ", "\n", " \t ", "\u00a0 "]))
@settings(max_examples=60)
def test_white_space_changes_no_verdict(lines: list[str], data: st.DataObject, space: str) -> None:
    sentence = data.draw(st.sampled_from(lines))
    for claim in (sentence, flipped(sentence)):
        plain = find_support(claim, " ".join(lines))
        spaced = find_support(claim.replace(" ", space), " ".join(lines))
        assert plain.support == spaced.support


@given(text=TEXT, quote=TEXT, start=st.integers(-5, 200), end=st.integers(-5, 200), source=TEXT)
def test_no_statement_is_supported_by_a_quote_that_is_not_there(
    text: str, quote: str, start: int, end: int, source: str
) -> None:
    evidence = {"E1": EvidenceText("E1", "literature", "x", "", source, 1.0)}
    statement = StatementDraft(text, "for", [CitationDraft("E1", quote, start, end)])
    found = check_statement(statement=statement, evidence=evidence, case=None)
    if found.support != "unsupported":
        (citation,) = found.citations
        assert source[citation.start : citation.end] == citation.quote == quote
