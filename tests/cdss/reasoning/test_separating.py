"""The finding that tells the first diagnoses apart best."""

import numpy as np
import pytest

from cdss.reasoning.composer import SEPARATES, Sources, compose
from cdss.reasoning.gate import check_statement
from cdss.reasoning.matching import sentences_of
from cdss.reasoning.separating import Separating, information, separating
from cdss.reasoning.types import Candidate, CaseInput, EvidenceText, StatementDraft
from retrieval.terms import tokens

DERMOID = "Dermoid cyst is a mass of the skull base. Calcification is typical. Fat is seen in 95% of patients."
EPIDERMOID = "Epidermoid cyst is a mass of the skull base. Fat is absent inside the cyst. Calcification is common."


def best(
    *texts: str, chances: tuple[float, ...] = (0.4, 0.4), case: str = "A mass.", kind: str = "literature"
) -> Separating | None:
    described = [
        sentences_of(EvidenceText(f"E{n}", kind, str(n), "", text, 1.0)) for n, text in enumerate(texts, start=1)
    ]
    return separating(chances, described, frozenset(tokens(case)))


def test_information_is_that_of_shannon() -> None:
    half = np.array([0.5, 0.5])
    assert information(half, np.array([1.0, 0.0])) == pytest.approx(1.0)
    assert information(half, np.array([0.5, 0.5])) == pytest.approx(0.0)
    assert information(half, np.array([1.0, 0.5])) == pytest.approx(0.3113, abs=1e-4)
    assert information(half, np.array([0.0, 0.0])) == 0


def test_the_finding_on_which_the_sources_differ_most() -> None:
    found = best(DERMOID, EPIDERMOID)
    assert found
    assert found.finding == "Fat"
    assert {place: one.sentence.text for place, one in found.stated.items()} == {
        0: "Fat is seen in 95% of patients.",
        1: "Fat is absent inside the cyst.",
    }
    assert found.information > 0.4


@pytest.mark.parametrize("case", ["Fat is seen.", "No fat."])
def test_what_the_case_tells_already_is_not_asked(case: str) -> None:
    found = best(DERMOID, EPIDERMOID, case=case)
    assert found is None or found.finding != "Fat"


def test_rarer_means_less() -> None:
    typical, rare = (best(f"Fat is {often} seen.", "A mass is seen here.") for often in ("almost always", "sometimes"))
    assert typical
    assert rare is None or rare.information < typical.information


@pytest.mark.parametrize(
    ("texts", "chances"),
    [
        ((DERMOID,), (0.9,)),
        ((DERMOID, EPIDERMOID), (0.9, 0.01)),
        ((DERMOID, DERMOID), (0.4, 0.4)),
        (("", ""), (0.4, 0.4)),
        ((), ()),
    ],
    ids=["one", "the other is out", "the same of both", "nothing said", "none"],
)
def test_nothing_to_tell_apart(texts: tuple[str, ...], chances: tuple[float, ...]) -> None:
    assert best(*texts, chances=chances) is None


def test_what_another_patient_had_is_no_frequency() -> None:
    text = "Findings:\nA mass with fat in it is seen."
    assert best(text, "Findings:\nNo fat is seen in it.", kind="case") is None


def composed(case: str) -> list[list[StatementDraft]]:
    texts = {1: ("Dermoid cyst", DERMOID), 2: ("Epidermoid cyst", EPIDERMOID)}
    evidence = {n: EvidenceText(f"E{n}", "literature", str(n), title, text, 1.0) for n, (title, text) in texts.items()}
    sources = Sources(evidence, {n: frozenset([str(n)]) for n in texts}, {})
    candidates = [Candidate(title, str(n), 1.0, [n], probability=0.4) for n, (title, _) in texts.items()]
    return [
        list(draft.statements)
        for draft in compose(case=CaseInput(findings=case), candidates=candidates, sources=sources)
    ]


def test_the_composer_puts_it_first_of_what_comes_next_and_the_gate_lets_it_pass() -> None:
    first, second = composed("A mass of the skull base.")
    (step,) = [one for one in first if one.stance == "next"]
    assert step.text == (
        f"{SEPARATES} “Fat”. The source states “Fat is seen in 95% of patients.”. "
        "Another source states “Fat is absent inside the cyst.”."
    )
    assert [citation.evidence for citation in step.citations] == ["E1", "E2"]
    assert not [one for one in second if one.stance == "next"]
    evidence = {
        f"E{n}": EvidenceText(f"E{n}", "literature", str(n), "", text, 1.0)
        for n, text in ((1, DERMOID), (2, EPIDERMOID))
    }
    judged = check_statement(statement=step, evidence=evidence, case=CaseInput(findings="A mass of the skull base."))
    assert (judged.support, judged.reasons) == ("supported", ())
