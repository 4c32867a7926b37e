from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from cdss.accounts.models import User
from cdss.consultations.export import exported
from cdss.consultations.gamuts import MOST, matching
from cdss.consultations.models import Consultation
from cdss.consultations.services import consultation_start
from cdss.library.models import Collection, Gamut, State
from cdss.reasoning.types import CaseInput
from tests.cdss.consultations.test_line import CASE


def gamut(finding: str, region: str = "brain", modality: str = "MRI", pk: int = 1, **fields: object) -> Gamut:
    values = {"source_name": "tests", "release": "1.0", "diagnoses": ["Abscess", "Metastasis"]} | fields
    return Gamut(pk=pk, finding=finding, region=region, modality=modality, **values)


def found(findings: str, *gamuts: Gamut, age: str = "58") -> list[str]:
    return [each.finding for each in matching(CaseInput(age=age, findings=findings), gamuts)]


RING = gamut("Ring-enhancing lesion")


def test_a_list_is_shown_for_a_finding_that_is_affirmed() -> None:
    (beside,) = matching(CaseInput(findings="A ring-enhancing lesion in the left frontal lobe."), [RING])
    assert beside.diagnoses == ["Abscess", "Metastasis"]
    assert beside.matched == "A ring-enhancing lesion in the left frontal lobe."
    assert (beside.source, beside.release) == ("tests", "1.0")


def test_a_disease_of_several_names_is_shown_once() -> None:
    names = ["brain abscess", "Glioblastoma", "Glioblastoma (GBM)", "Abscess of brain", "glioblastoma", "Lymphoma"]
    (beside,) = matching(
        CaseInput(findings="A ring-enhancing lesion of the brain."), [gamut("Ring-enhancing lesion", diagnoses=names)]
    )
    assert beside.diagnoses == ["brain abscess", "Glioblastoma", "Lymphoma"]


@pytest.mark.parametrize(
    "findings",
    [
        "No ring-enhancing lesion in the left frontal lobe.",
        "A ring in the frontal lobe. An enhancing node. A lesion of the skin.",
        "A ring-enhancing lesion of the liver.",
        "A non-enhancing lesion in the frontal lobe with a ring.",
        "",
    ],
)
def test_it_is_not_shown_for_what_is_denied_scattered_or_elsewhere(findings: str) -> None:
    assert found(findings, RING) == []


def test_a_threshold_and_an_absence_are_not_told_by_shared_words() -> None:
    unfit = [gamut("Wall thickening >5 mm"), gamut("Absent septum pellucidum"), gamut("Rupture signs")]
    assert found("Brain: wall thickening of 5 mm, absent septum pellucidum, rupture.", *unfit) == []


def test_a_list_for_children_needs_a_child() -> None:
    child = gamut("Posterior fossa mass in child")
    text = "A posterior fossa mass beside the cerebellum."
    assert found(text, child, age="6") == ["Posterior fossa mass in child"]
    assert found(text, child, age="58") == []
    assert found(text, child, age="") == []


def test_the_more_specific_finding_stands_for_its_parts() -> None:
    parts = [gamut("Enhancing lesion", pk=1), gamut("Ring-enhancing lesion", pk=2)]
    assert found("A ring-enhancing lesion in the pons.", *parts) == ["Ring-enhancing lesion"]


def test_of_the_same_finding_the_named_modality_is_shown_once() -> None:
    lists = [gamut("Ring-enhancing lesion", modality="CT", pk=1), gamut("Ring-enhancing lesion", pk=2)]
    (beside,) = matching(CaseInput(findings="MRI: a ring-enhancing lesion in the pons."), lists)
    assert beside.modality == "MRI"


def test_there_are_never_many() -> None:
    words = "alphasign betasign gammasign deltasign epsilonsign zetasigns etasigns thetasign".split()  # noqa: SIM905
    lists = [gamut(f"{word} lesion", pk=number) for number, word in enumerate(words)]
    assert len(found(f"Brain lesion with {' '.join(words)}.", *lists)) == MOST


@pytest.fixture
def answered(small_library: None, clinician: User, run_queue: Callable[..., object]) -> Consultation:
    tables = Collection.objects.create(name="Gamuts", reference=True)
    for number, state in enumerate((State.PUBLISHED, State.DRAFT)):
        fields = {"collection": tables, "source_id": f"g{number}", "state": state, "diagnoses": [f"Madeupoma{number}"]}
        gamut("Popcorn calcification", "lung", "CT", pk=None, **fields).save()
    with run_queue():  # type: ignore[attr-defined]
        row = consultation_start(by=clinician, case=CASE)
    return Consultation.objects.get(pk=row.pk)


def test_the_answer_keeps_its_lists_and_cites_none(answered: Consultation) -> None:
    (kept,) = answered.gamuts
    assert kept["diagnoses"] == ["Madeupoma0"]
    assert exported(answered)["gamuts"] == answered.gamuts
    names = [diagnosis.name for diagnosis in answered.answers.get().diagnoses.all()]
    assert names
    assert not any("Madeupoma" in name for name in names)
    assert not any("Madeupoma" in row.text + row.title for row in answered.evidence.all())
    Gamut.objects.all().delete()
    assert Consultation.objects.get(pk=answered.pk).gamuts == [kept]


def test_the_page_shows_the_lane_as_uncited(answered: Consultation, client: Client, clinician: User) -> None:
    client.force_login(clinician)
    page = client.get(reverse("consultations:detail", args=[answered.pk])).content.decode()
    lane = page[page.index('class="gamuts"') :]
    assert "Gamuts: uncited reference lists" in lane
    assert "Madeupoma0" in lane
    assert "Madeupoma1" not in page


def test_drafts_are_for_those_who_publish(
    answered: Consultation, client: Client, clinician: User, educator: User
) -> None:
    for user, seen in ((clinician, False), (educator, True)):
        client.force_login(user)
        page = client.get(reverse("library:gamuts"), {"q": "popcorn"}).content.decode()
        assert "Madeupoma0" in page
        assert ("Madeupoma1" in page) == seen
        assert "Madeupoma" not in client.get(reverse("library:gamuts"), {"q": "nowhere"}).content.decode()
        assert "Gamuts" in client.get(reverse("library:sources")).content.decode()
