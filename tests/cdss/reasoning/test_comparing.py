"""What the found texts say of the findings and of the age, counted on the items that suggest a diagnosis."""

from dataclasses import replace

import pytest

from cdss.reasoning.comparing import MOST_READ, Item, compared
from cdss.reasoning.patients import Patient
from cdss.reasoning.types import CaseInput, Correction, Lead

TEXT = (
    "Pulmonary hamartoma is a benign tumour. Popcorn calcification is seen in a nodule. Fat attenuation is typical. "
    "Spiculated margins are absent. It usually presents between 40 and 70 years of age."
)
NAMED = [("Pulmonary hamartoma", 1.0)]


def lead_of(case: CaseInput, item: Item, patient: Patient | None = None, name: str = NAMED[0][0]) -> Lead:
    lead = Lead(1, item.kind, 1.0, [(name, 1.0)])
    return compared([lead], {1: item}, case, patient or Patient())[0]


def of_findings(findings: str, text: str = TEXT, kind: str = "literature") -> Lead:
    return lead_of(CaseInput(findings=findings), Item(kind, text))


def test_a_finding_in_both_is_explained() -> None:
    assert of_findings("Popcorn calcification.").explained > of_findings("Ascites.").explained == 0


def test_what_is_denied_here_and_typical_there_is_against_it() -> None:
    lead = of_findings("No fat attenuation.")
    assert (lead.explained, lead.against > 0) == (0, True)


@pytest.mark.parametrize(
    "said", ["Fat attenuation may be seen in it.", "Angiomyolipoma of the kidney is known by its fat attenuation."]
)
def test_what_may_be_there_or_is_another_disease_s_is_not_against_it(said: str) -> None:
    item = Item("literature", f"Pulmonary hamartoma is a benign tumour. {said}")
    leads = [Lead(1, "literature", 1.0, NAMED), Lead(2, "literature", 0.5, [("Angiomyolipoma", 1.0)])]
    case = CaseInput(findings="No fat attenuation.")
    assert compared(leads, {1: item, 2: Item("literature", "")}, case, Patient())[0].against == 0


def test_what_a_text_says_of_a_look_alike_explains_nothing() -> None:
    text = "Bronchial carcinoid is a tumour. Pulmonary hamartoma contains fat or popcorn calcification."
    leads = [Lead(1, "literature", 1.0, [("Bronchial carcinoid", 1.0)]), Lead(2, "literature", 0.5, NAMED)]
    case = CaseInput(findings="Popcorn calcification.")
    carcinoid, hamartoma = compared(leads, dict.fromkeys((1, 2), Item("literature", text)), case, Patient())
    assert (carcinoid.explained, hamartoma.explained > 0) == (0, True)


def test_what_is_here_and_denied_there_is_against_it() -> None:
    assert of_findings("Spiculated margins.").against > 0


def test_what_neither_has_explains_nothing() -> None:
    lead = of_findings("No spiculated margins.")
    assert (lead.explained, lead.against) == (0, 0)


def test_one_other_patient_rules_nothing_out() -> None:
    text = "Findings:\nA nodule with popcorn calcification. Spiculated margins are absent."
    assert of_findings("Spiculated margins.", text, "case").against == 0
    assert of_findings("Popcorn calcification.", text, "case").explained > 0


def test_what_a_person_set_right_is_counted_apart() -> None:
    for said, by_hand in (("present", 1.0), ("denied", -1.0)):
        fix = Correction("findings", "Popcorn calcification", 0, said)  # type: ignore[arg-type]
        case = CaseInput(findings="Popcorn calcification.", corrections=(fix,))
        assert lead_of(case, Item("literature", TEXT)).by_hand == by_hand


@pytest.mark.parametrize(("years", "is_far"), [(50.0, False), (38.0, False), (5.0, True), (None, None)])
def test_the_age_against_the_ages_a_text_names(years: float | None, is_far: bool | None) -> None:
    far = lead_of(CaseInput(findings="Nodule."), Item("literature", TEXT), Patient(years)).far
    assert (None if far is None else far > 0) == is_far


def test_the_age_against_that_of_another_case_is_judged_mildly() -> None:
    item = Item("case", "Findings:\nA nodule of the lung is seen.", 40.0)
    near, further, far = (lead_of(CaseInput(findings="Nodule."), item, Patient(age)).far for age in (30.0, 75.0, 2.0))
    assert near == 0
    assert near <= further < far  # type: ignore[operator]
    assert lead_of(CaseInput(findings="Nodule."), replace(item, years=None), Patient(30.0)).far is None


@pytest.mark.parametrize(
    ("findings", "nearness"),
    [
        ("Intimal flap. The mediastinum is wide, the heart is large.", 2),
        ("Widened mediastinum.", 1),
        ("Intimal flap in a vessel of the liver.", 1),
        ("A mass of the liver.", 0),
        ("Intimal flap in a vessel of the brain.", 0),
        ("Fever.", 1),
    ],
    ids=["part and finding", "part", "finding", "neither", "finding far away", "no part named"],
)
def test_how_near_a_danger_is(findings: str, nearness: int) -> None:
    text = "Aortic dissection is a tear of the aorta. An intimal flap in the thoracic aorta is seen."
    case = CaseInput(findings=findings)
    assert lead_of(case, Item("literature", text), name="Aortic dissection").nearness == nearness
    assert lead_of(case, Item("literature", text)).nearness == 0


def test_only_the_closest_are_read_and_an_item_without_a_text_stays_as_it_is() -> None:
    leads = [Lead(n, "literature", 1 - n / 100, NAMED) for n in range(MOST_READ + 5)]
    items = {lead.item: Item("literature", TEXT) for lead in leads[:-1]}
    told = compared(leads, items, CaseInput(findings="Popcorn calcification."), Patient())
    assert [lead.explained > 0 for lead in told] == [True] * MOST_READ + [False] * 5
    assert told[-1] == leads[-1]
    assert compared([], {}, CaseInput(), Patient()) == []
