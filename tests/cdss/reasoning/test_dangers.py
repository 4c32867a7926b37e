"""Dangerous diagnoses that a case itself rules out, and those that it does not."""

from dataclasses import replace

import pytest

from cdss.reasoning.candidates import weigh
from cdss.reasoning.comparing import Item, compared
from cdss.reasoning.concepts import concept_of, must_not_miss
from cdss.reasoning.dangers import ruled_out
from cdss.reasoning.patients import Patient
from cdss.reasoning.types import CONFIRMED, CaseInput, Correction, Lead


def is_out(name: str, case: CaseInput) -> bool:
    concept = concept_of(name)
    assert concept is not None
    return concept.key in ruled_out(case)


@pytest.mark.parametrize(
    ("findings", "name"),
    [
        ("Consolidation. No pneumothorax.", "Pneumothorax"),
        ("No pleural effusion or pneumothorax is seen.", "Pneumothorax"),
        ("There are no pneumothoraces.", "Pneumothorax"),
        ("CT shows no evidence of acute pulmonary embolism.", "Pulmonary embolism"),
        ("No PE.", "Pulmonary embolism"),
        ("No intracranial hemorrhage.", "Subdural haematoma"),
        ("No aortic dissection or aneurysm.", "Aortic dissection"),
        ("No DVT on either side.", "Deep vein thrombosis"),
    ],
)
def test_what_imaging_denies_is_ruled_out(findings: str, name: str) -> None:
    assert is_out(name, CaseInput(findings=findings))


@pytest.mark.parametrize(
    ("findings", "name"),
    [
        ("No tension pneumothorax.", "Pneumothorax"),
        ("No large pneumothorax.", "Pneumothorax"),
        ("No left pneumothorax.", "Pneumothorax"),
        ("No central pulmonary embolism.", "Pulmonary embolism"),
        ("No other parenchymal hemorrhage.", "Intracerebral haemorrhage"),
        ("No history of DVT.", "Deep vein thrombosis"),
        ("Pneumothorax cannot be excluded.", "Pneumothorax"),
        ("No pneumothorax on the radiograph. CT shows a small pneumothorax.", "Pneumothorax"),
        ("No pneumothorax. Possible tension pneumothorax on the lateral view.", "Pneumothorax"),
        ("CT shows no infarct.", "Ischaemic stroke"),
        ("Pneumothorax.", "Pneumothorax"),
        ("", "Pneumothorax"),
    ],
)
def test_a_narrower_past_or_uncertain_denial_rules_nothing_out(findings: str, name: str) -> None:
    assert not is_out(name, CaseInput(findings=findings))


def test_history_and_examination_alone_rule_nothing_out() -> None:
    assert not is_out("Pneumothorax", CaseInput(history="No pneumothorax.", exam="No pneumothorax."))


def test_what_a_person_set_right_holds() -> None:
    text = "Pneumothorax."
    fix = Correction("findings", "Pneumothorax", 0, "denied")
    assert is_out("Pneumothorax", CaseInput(findings=text, corrections=(fix,)))
    back = Correction("findings", "pneumothorax", 3, "present")
    assert not is_out("Pneumothorax", CaseInput(findings="No pneumothorax.", corrections=(back,)))


@pytest.mark.parametrize(
    ("case", "is_ruled_out"),
    [
        (CaseInput(findings="A nodule of the right lung near the pleura."), True),
        (CaseInput(history="Pain of the abdomen.", findings="A nodule of the right lung near the pleura."), False),
        (CaseInput(findings="A mass of the kidney and the retroperitoneum."), False),
        (CaseInput(history="Fever."), False),
    ],
    ids=["chest", "chest and abdominal pain", "abdomen", "no part named"],
)
def test_an_aneurysm_of_the_abdominal_aorta_is_of_the_abdomen(case: CaseInput, is_ruled_out: bool) -> None:
    assert is_out("Abdominal aortic aneurysm", case) == is_ruled_out
    assert not is_out("Aortic dissection", case)


@pytest.mark.parametrize(
    ("findings", "is_marked"), [("Cough, pleuritic pain. {}", True), ("{} No pneumothorax.", False)]
)
def test_a_diagnosis_that_is_ruled_out_is_not_marked(findings: str, is_marked: bool) -> None:
    case = CaseInput(findings=findings.format("A line of the pleura without lung markings."))
    text = "Pneumothorax is air in the pleura. A line of the pleura without lung markings is seen."
    lead = Lead(1, "literature", 1.0, [("Pneumothorax", CONFIRMED)], rank=1, fit=9.0, lexical=0.6)
    (told,) = compared([lead], {1: Item("literature", text)}, case, Patient())
    assert [one.must_not_miss for one in weigh([told])] == [is_marked]
    assert weigh([replace(told, ruled_out=())])[0].must_not_miss


def test_every_denial_of_the_list_is_a_name() -> None:
    for row in must_not_miss():
        assert all(concept_of(name) for name in row.get("denied_as", ())), row["name"]
        assert set(row.get("parts", ())) <= {"head", "neck", "chest", "abdomen", "pelvis", "spine", "limb"}, row["name"]
