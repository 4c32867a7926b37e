"""One finding under its many names, and what is not one."""

import pytest

from retrieval.terms import finding_tokens, tokens
from retrieval.terms.synonyms import SYNONYMS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dyspnoea", "shortness of breath"),
        ("dyspnea", "Breathlessness"),
        ("dyspnea", "difficulty in breathing"),
        ("haemoptysis", "coughing up blood"),
        ("hemoptysis", "blood-tinged sputum"),
        ("pyrexia", "fever"),
        ("cephalgia", "headaches"),
        ("emesis", "vomiting"),
        ("fainting spells", "syncope"),
        ("dysphagia", "difficulties swallowing"),
        ("blood in the urine", "haematuria"),
        ("swollen lymph nodes", "lymphadenopathy"),
        ("hilar adenopathy", "hilar lymphadenopathy"),
        ("RLQ pain", "right lower quadrant pain"),
        ("oedema of the legs", "leg swelling"),
        ("ground-glass opacities", "ground glass opacity"),
        ("renal calculi", "kidney stone"),
        ("elevated WBC count", "leukocytosis"),
    ],
)
def test_names_of_one_finding_give_the_same_tokens(one: str, other: str) -> None:
    assert sorted(finding_tokens(one)) == sorted(finding_tokens(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dysphagia", "dysphasia"),
        ("haemoptysis", "haematemesis"),
        ("vomiting", "nausea"),
        ("syncope", "loss of consciousness"),
        ("swelling", "oedema"),
        ("pneumothorax", "collapsed lung"),
        ("hypertension", "hypotension"),
        ("tachypnea", "tachycardia"),
        ("fever", "afebrile"),
        ("numbness", "tingling"),
        ("hemiparesis", "paresthesia"),
    ],
)
def test_what_is_only_near_stays_apart(one: str, other: str) -> None:
    assert not set(finding_tokens(one)) & set(finding_tokens(other))


@pytest.mark.parametrize("text", ["cough, blood in a vessel", "short, of breath", "throwing a ball", "passing a stone"])
def test_words_that_do_not_stand_together_are_no_name(text: str) -> None:
    assert finding_tokens(text) == tokens(text)


def test_what_stands_around_a_name_is_kept() -> None:
    found = finding_tokens("Sudden shortness of breath, coughing up blood and a 3 cm mass.")
    assert found == ["sudden", "dyspnea", "hemoptysis", "3cm", "mass"]


def test_every_name_is_read_as_the_finding_it_stands_for() -> None:
    told = {other: finding_tokens(other) for others in SYNONYMS.values() for other in others}
    assert told == {other: tokens(name) for name, others in SYNONYMS.items() for other in others}
