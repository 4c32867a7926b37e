"""A true sentence about another disease is no support for this one."""

import pytest

from cdss.consultations.pipeline import check
from cdss.reasoning.placement import MISPLACED, listed, placed
from cdss.reasoning.types import CaseInput, CitationDraft, DiagnosisDraft, EvidenceText, Stance, StatementDraft

CASE = CaseInput(findings="Bilateral hilar lymphadenopathy. Pleural effusion.")
DIAGNOSES = ("Sarcoidosis", "Lymphoma", "Nephrolithiasis", "Pleural effusion", "Normal pressure hydrocephalus")


def judged(
    diagnosis: str,
    text: str,
    quote: str = "",
    *,
    about: str = "Chest imaging",
    stance: Stance = "for",
    beside: str = "",
    by_model: bool = False,
) -> StatementDraft:
    quote = quote or text
    evidence = EvidenceText("E1", "literature", "d1", about, quote + beside, 1.0)
    statement = StatementDraft(text, stance, [CitationDraft("E1", quote, 0, len(quote))], "supported")
    among = listed([DiagnosisDraft(name, name.lower(), 1.0, ()) for name in DIAGNOSES], [evidence], CASE)
    return placed(statement, diagnosis=diagnosis, among=among, chosen_by_model=by_model)


def test_a_model_supports_no_diagnosis_by_a_source_on_another_one() -> None:
    said = ("Lymphoma", "Dyspnoea of sudden onset is reported.")
    found = judged(*said, about="Pulmonary embolism", by_model=True)
    assert (found.support, tuple(found.reasons)) == ("unsupported", (MISPLACED,))
    assert judged(*said, about="Pulmonary embolism").support == "supported"
    assert judged(*said, about="Pulmonary embolism", by_model=True, stance="against").support == "supported"
    # A text that names the diagnosis, one on a kind of it, and one that is on no disease.
    assert judged(*said, about="Pulmonary embolism", beside=" Lymphoma too.", by_model=True).support == "supported"
    assert judged(*said, about="Hodgkin lymphoma", by_model=True).support == "supported"
    assert judged(*said, about="Imaging of the chest", by_model=True).support == "supported"


@pytest.mark.parametrize(
    ("diagnosis", "text", "quote"),
    [
        ("Lymphoma", "Sarcoidosis causes bilateral hilar lymphadenopathy.", ""),
        # Its subject is the case; what the source says is of another disease.
        (
            "Lymphoma",
            "The patient has bilateral hilar lymphadenopathy.",
            "In sarcoidosis, bilateral hilar lymphadenopathy is common.",
        ),
        (
            "Lymphoma",
            "This case reports “lymphadenopathy”; the source states “Sarcoidosis shows lymphadenopathy.”.",
            "Sarcoidosis shows lymphadenopathy.",
        ),
        # The disease that is meant comes last.
        ("Lymphoma", "Symmetrical enlargement of both hila is characteristic of sarcoidosis.", ""),
        # By a synonym that the vocabulary knows.
        ("Lymphoma", "Kidney stones cause flank pain.", ""),
    ],
)
def test_a_sentence_on_another_disease_does_not_count(diagnosis: str, text: str, quote: str) -> None:
    found = judged(diagnosis, text, quote)
    assert (found.support, tuple(found.reasons)) == ("unsupported", (MISPLACED,))


@pytest.mark.parametrize(
    ("diagnosis", "text", "quote"),
    [
        ("Sarcoidosis", "Sarcoidosis causes bilateral hilar lymphadenopathy.", ""),
        ("Lymphoma", "Bilateral hilar lymphadenopathy is seen.", "Lymphadenopathy is often asymmetric."),
        # The quote compares it with this diagnosis.
        ("Lymphoma", "Sarcoidosis is the look-alike.", "Sarcoidosis and lymphoma both enlarge hilar nodes."),
        # A kind of it, and what it is a kind of.
        ("Lymphoma", "Hodgkin lymphoma enlarges mediastinal nodes.", ""),
        ("Normal pressure hydrocephalus", "Hydrocephalus widens the ventricles.", ""),
        ("Nephrolithiasis", "Kidney stones cause flank pain.", ""),
    ],
)
def test_a_sentence_on_this_disease_stays(diagnosis: str, text: str, quote: str) -> None:
    assert judged(diagnosis, text, quote).support == "supported"


def test_in_a_text_on_this_disease_another_may_be_its_sign() -> None:
    quote = "Pleural effusion is seen in half of the patients."
    assert judged("Lymphoma", quote, about="Lymphoma").support == "supported"
    assert judged("Lymphoma", quote, about="Chest imaging").support == "unsupported"
    assert judged("Lymphoma", "Sarcoidosis is symmetrical.", about="Lymphoma").support == "unsupported"
    assert judged("Lymphoma", "Unlike sarcoidosis, it is asymmetrical.", about="Lymphoma").support == "unsupported"


@pytest.mark.parametrize("stance", ["against", "next"])
def test_only_what_stands_for_a_diagnosis_is_looked_at(stance: Stance) -> None:
    assert judged("Lymphoma", "Sarcoidosis is symmetrical.", stance=stance).support == "supported"


def test_what_the_gate_refused_keeps_its_own_reasons() -> None:
    among = listed([], [], CASE)
    refused = StatementDraft("Sarcoidosis.", "for", (), "unsupported", ("no-citation",))
    assert placed(refused, diagnosis="Lymphoma", among=among) is refused


def test_the_check_of_an_answer_finds_it() -> None:
    text = "Sarcoidosis causes bilateral hilar lymphadenopathy."
    evidence = [EvidenceText("E1", "literature", "d1", "Sarcoidosis", text, 1.0)]
    statement = StatementDraft(text, "for", [CitationDraft("E1", text, 0, len(text))])
    drafts = [DiagnosisDraft(name, name.lower(), 1.0, [statement]) for name in ("Lymphoma", "Sarcoidosis")]
    wrong, right = (draft.statements[0] for draft in check(drafts, evidence, CASE))
    assert (wrong.support, right.support) == ("unsupported", "supported")
    assert MISPLACED in wrong.reasons
