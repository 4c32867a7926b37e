"""A source that states a part of a finding speaks of that part alone."""

import pytest

from cdss.consultations.wording import said_in
from cdss.reasoning.composer import Sources, compose
from cdss.reasoning.gate import check_statement
from cdss.reasoning.parts import elsewhere, head_of
from cdss.reasoning.types import Candidate, CaseInput, EvidenceText, StatementDraft

LONG = "Popcorn calcification in a solitary nodule of the right lower lobe"
# Enough of other words that those of the finding tell something.
FILLING = " ".join(
    f"The {word} of this disease has been described at length elsewhere."
    for word in ("histology", "treatment", "genetics", "prognosis", "incidence", "solitary nodule", "embryology")
)


def spoken(findings: str, text: str, kind: str = "literature") -> list[StatementDraft]:
    piece = EvidenceText("E1", kind, "d1", "Pulmonary hamartoma", f"{text} {FILLING}", 1.0)
    concept = "hamartoma pulmonary"
    sources = Sources({7: piece}, {7: frozenset([concept])}, {})
    case = CaseInput(findings=findings)
    (draft,) = compose(case=case, candidates=[Candidate("Hamartoma", concept, 1.0, [7])], sources=sources)
    found = [one for one in draft.statements if one.text.startswith("This case")]
    for one in found:
        assert check_statement(statement=one, evidence={"E1": piece}, case=case).support == "supported"
    return found


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (LONG, "Popcorn calcification"),
        ("Filling defect within the right main pulmonary artery", "Filling defect"),
        ("Mass in the left orbit", ""),
        ("Intimal flap in the descending thoracic aorta near a calcified plaque", "Intimal flap"),
        ("Increase in the size of a haematoma", ""),
        ("Large mass in the anterior mediastinum with a calcified rim", ""),
        ("Enlargement of the spleen", ""),
        ("Popcorn calcification", ""),
    ],
)
def test_the_head_of_a_finding_is_what_was_seen(text: str, head: str) -> None:
    assert head_of(text) == head


def test_a_source_that_states_the_head_speaks_of_it_alone() -> None:
    (statement,) = spoken(f"{LONG}.", "Popcorn calcification is typical.")
    assert statement.stance == "for"
    assert statement.text == (
        f"This case reports “Popcorn calcification”, as “{LONG}”; "
        "the source states “Popcorn calcification is typical.”."
    )
    said = said_in(statement.text)
    assert said is not None
    assert (said.case, said.whole) == ("Popcorn calcification", LONG)
    assert said.source == "Popcorn calcification is typical."


@pytest.mark.parametrize(
    "text",
    [
        "Popcorn calcification is absent.",
        "It has no popcorn calcification.",
        "Calcification is typical, popcorn is not.",
        "Popcorn calcification of the pancreas is typical.",
        "It is distinguished from granuloma with popcorn calcification.",
    ],
)
def test_neither_a_denial_nor_another_place_nor_a_look_alike_speaks_of_a_head(text: str) -> None:
    assert [one for one in spoken(f"{LONG}.", text) if "”, as “" in one.text] == []


def test_the_other_side_never_speaks_of_a_head() -> None:
    finding = "Popcorn calcification in a solitary nodule along the right hilum."
    assert len(spoken(finding, "Popcorn calcification is typical.")) == 1
    assert spoken(finding, "Popcorn calcification on the left is typical.") == []


def test_what_is_denied_of_one_place_is_not_denied_of_all() -> None:
    assert spoken("No popcorn calcification in the solitary nodule along the hilum.", "Popcorn calcification.") == []


def test_a_finding_met_in_part_is_not_left_unexplained() -> None:
    piece = EvidenceText("E1", "literature", "d1", "Hamartoma", f"Popcorn calcification is typical. {FILLING}", 1.0)
    sources = Sources({7: piece}, {7: frozenset(["hamartoma"])}, {})
    case = CaseInput(findings="Popcorn calcification along an azygous fissure spiculated everywhere. Ascites.")
    (draft,) = compose(case=case, candidates=[Candidate("Hamartoma", "hamartoma", 1.0, [7])], sources=sources)
    assert list(draft.unexplained) == ["Ascites"]


def test_a_size_that_no_source_names_hides_no_finding() -> None:
    (statement,) = spoken("A 23 mm popcorn calcification.", "Popcorn calcification is typical.")
    assert "“23 mm popcorn calcification”" in statement.text


@pytest.mark.parametrize(
    ("organs", "sentence", "is_elsewhere"),
    [
        ({"lower lobe"}, "A nodule of the lung.", False),
        ({"frontal lobe"}, "A cyst of the liver.", True),
        ({"basal ganglia"}, "Bleeding in the brain.", False),
        (set(), "A cyst of the liver.", False),
        ({"kidney"}, "A cyst is typical.", False),
    ],
)
def test_organs_meet_when_one_is_a_part_of_the_other(organs: set[str], sentence: str, is_elsewhere: bool) -> None:
    assert elsewhere(frozenset(organs), sentence) == is_elsewhere


def test_what_is_of_the_upper_part_speaks_of_nothing_in_the_lower() -> None:
    told = "An exophytic spiculated rim at the upper pole is typical."
    assert spoken("A 40 mm exophytic spiculated rim at the lower pole.", told) == []
    assert len(spoken("A 40 mm exophytic spiculated rim at the upper pole.", told)) == 1
