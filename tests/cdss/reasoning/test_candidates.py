import pytest

from cdss.reasoning.candidates import names_of_case, names_of_document, propose, relevance_within
from cdss.reasoning.concepts import concept_of, looks_like_a_diagnosis
from cdss.reasoning.types import Lead


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pulmonary Hamartoma", "pulmonary hamartomas"),
        ("Renal cell carcinoma", "Carcinoma, renal cell"),
        ("Subdural haematoma", "subdural hematoma"),
        ("Tumour of the liver", "liver tumor"),
        ("Crohn's disease", "Crohn disease"),
    ],
)
def test_spellings_of_one_disease_are_one_concept(one: str, other: str) -> None:
    first, second = concept_of(one), concept_of(other)
    assert first
    assert second
    assert first.key == second.key


@pytest.mark.parametrize(
    ("one", "other"),
    [("Renal cell carcinoma", "Renal oncocytoma"), ("Subdural hematoma", "Epidural hematoma"), ("Type 1", "Type 2")],
)
def test_different_diseases_stay_apart(one: str, other: str) -> None:
    assert concept_of(one) != concept_of(other) or concept_of(one) is None


@pytest.mark.parametrize("name", ["", "unknown", "N/A", "Normal", "???"])
def test_no_concept_in_nothing(name: str) -> None:
    assert concept_of(name) is None


def test_codes_come_from_the_packaged_classification() -> None:
    concept = concept_of("Multiple sclerosis")
    assert concept
    assert concept.codes["icd10cm"] == "G35"


@pytest.mark.parametrize("title", ["Pulmonary hamartoma", "Neurofibromatosis type 1", "Optic neuritis"])
def test_disease_titles_are_names(title: str) -> None:
    assert looks_like_a_diagnosis(title)


@pytest.mark.parametrize(
    "title",
    [
        "Can tailored interventions increase mammography use among HMO women?",
        "Screening for lung cancer: recommendation statement",
        "Management of pulmonary nodules",
        "Effects of statins on stroke outcome",
        "",
    ],
)
def test_titles_of_studies_are_no_names(title: str) -> None:
    assert not looks_like_a_diagnosis(title)
    assert names_of_document(title) == []


def lead(item: int, relevance: float, *names: str, kind: str = "case", differential: tuple[str, ...] = ()) -> Lead:
    first = names[0] if names else ""
    return Lead(item, kind, relevance, names_of_case(first, "", differential))


def test_one_entry_per_concept_and_the_best_item_first() -> None:
    leads = [lead(1, 0.4, "Pulmonary hamartoma"), lead(2, 0.9, "Hamartoma, pulmonary"), lead(3, 0.5, "Carcinoid tumor")]
    candidates = propose(leads)
    assert [candidate.name for candidate in candidates] == ["Hamartoma, pulmonary", "Carcinoid tumor"]
    assert list(candidates[0].items) == [2, 1]
    assert candidates[0].score == 1.0


def test_a_listed_differential_weighs_less_than_a_confirmed_diagnosis() -> None:
    leads = [lead(1, 0.9, "Sarcoidosis", differential=("Tuberculosis",)), lead(2, 0.5, "Tuberculosis")]
    assert [candidate.name for candidate in propose(leads)] == ["Sarcoidosis", "Tuberculosis"]


def test_many_weak_items_do_not_outvote_the_one_that_fits() -> None:
    leads = [lead(n, 0.3, "Multiple sclerosis") for n in range(2, 30)] + [lead(1, 0.9, "Brain abscess")]
    assert propose(leads)[0].name == "Brain abscess"


def test_order_does_not_depend_on_the_order_of_the_leads() -> None:
    leads = [lead(n, 0.5, name) for n, name in enumerate(["Gout", "Osteosarcoma", "Appendicitis", "Stroke"])]
    assert propose(leads) == propose(leads[::-1])


def test_relevance_runs_from_the_weakest_to_the_best() -> None:
    scores = {1: {"dense": 0.8, "lexical": 10.0}, 2: {"dense": 0.4, "lexical": 20.0}, 3: {"dense": 0.6}}
    relevance = relevance_within(scores)
    assert relevance == {1: 0.5, 2: 0.5, 3: pytest.approx(0.25)}


def test_relevance_of_nothing_is_nothing() -> None:
    assert relevance_within({}) == {}
