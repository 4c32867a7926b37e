from dataclasses import replace

import pytest

from cdss.reasoning.candidates import names_of_case, names_of_document, propose, weakest_to_best, weigh
from cdss.reasoning.concepts import concept_of, looks_like_a_diagnosis
from cdss.reasoning.patients import Patient
from cdss.reasoning.ranking import FEATURES, features_of
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


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Pneumonia", "J18"),
        ("Sepsis", "A41.9"),
        ("Osteomyelitis", "M86"),
        ("Acute appendicitis", "K37"),
        # Only the newborn's, or one with its cause, bears this very name: no code is better than a wrong one.
        ("Subarachnoid hemorrhage", None),
    ],
)
def test_a_code_is_that_of_the_whole_name(name: str, code: str | None) -> None:
    concept = concept_of(name)
    assert concept is not None
    assert concept.codes.get("icd10cm") == code


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


def test_values_run_from_the_weakest_to_the_best() -> None:
    assert weakest_to_best({1: -2.0, 2: 2.0, 3: 0.0}) == {1: 0.0, 2: 1.0, 3: 0.5}
    assert weakest_to_best({}) == {}


def found(item: int, rank: int, fit: float, *names: str, kind: str = "literature", lexical: float = 0.3) -> Lead:
    weighed = names_of_document(names[0]) if kind != "case" else names_of_case(names[0], "", names[1:])
    return Lead(item, kind, 1 / rank, weighed, rank=rank, fit=fit, lexical=lexical, dense=0.5)


def test_what_fits_better_is_more_probable_and_the_chances_keep_to_their_words() -> None:
    leads = [found(1, 1, 5.0, "Sarcoidosis", lexical=0.5), found(2, 2, 2.0, "Tuberculosis"), found(3, 3, 0.0, "Gout")]
    ranked = weigh(leads)
    assert [one.name for one in ranked] == ["Sarcoidosis", "Tuberculosis", "Gout"]
    chances = [one.probability for one in ranked]
    assert chances == sorted(chances, reverse=True)
    assert all(0 < chance < 1 for chance in chances)
    assert {one.likelihood for one in ranked[1:]} <= {"likely", "possible", "unlikely"}


def test_a_case_alike_moves_its_diagnosis_up_more_than_its_differential() -> None:
    documents = [found(1, 1, 1.0, "Gout"), found(2, 2, 0.9, "Sarcoidosis"), found(3, 3, 0.9, "Tuberculosis")]
    alike = found(4, 1, 5.0, "Tuberculosis", "Sarcoidosis", kind="case", lexical=0.6)
    before, after = ({one.name: one.probability for one in weigh(leads)} for leads in (documents, [*documents, alike]))
    assert after["Tuberculosis"] > before["Tuberculosis"]
    assert after["Tuberculosis"] > after["Sarcoidosis"] > after["Gout"] * 0.5


OTHERS = [found(n, n, 40.0 - 3 * n, f"Harmless disease {n}") for n in range(1, 13)]
DISSECTION = found(20, 13, 0.9, "Aortic dissection", lexical=0.6)


def test_a_dangerous_diagnosis_that_is_not_ruled_out_follows_the_others() -> None:
    ranked = weigh([*OTHERS, replace(DISSECTION, nearness=2, explained=0.7)], limit=3)
    assert [one.must_not_miss for one in ranked] == [False, False, False, True]
    assert ranked[-1].name == "Aortic dissection"


@pytest.mark.parametrize(
    "change",
    [{"nearness": 1}, {"against": 1.1, "explained": 0.7}, {"by_hand": -1.0, "explained": 1.1, "against": 0.7}],
    ids=["only the part of the body", "more against it", "denied by hand"],
)
def test_a_dangerous_diagnosis_that_is_far_or_denied_does_not_follow(change: dict[str, object]) -> None:
    ranked = weigh([*OTHERS, replace(DISSECTION, **{"nearness": 2} | change)], limit=3)
    assert [one.must_not_miss for one in ranked] == [False, False, False]


def test_a_dangerous_diagnosis_among_the_first_is_marked_only_where_it_is_near() -> None:
    first = replace(DISSECTION, rank=1, fit=9.0)
    assert [weigh([replace(first, nearness=near)])[0].must_not_miss for near in (1, 0)] == [True, False]


def test_what_explains_more_and_has_the_age_goes_first() -> None:
    equals = [found(1, 1, 1.0, "Gout"), found(2, 1, 1.0, "Sarcoidosis")]
    for change in ({"explained": 1.1}, {"far": 0.0}):
        other = {"far": 1.2} if "far" in change else {"against": 1.1}
        ranked = weigh([replace(equals[0], **other), replace(equals[1], **change)])
        assert [one.name for one in ranked] == ["Sarcoidosis", "Gout"]


def test_of_two_that_fit_nearly_alike_the_one_that_explains_a_finding_goes_first() -> None:
    """In order by a hair, a first place is no reason: in order by far, it is one."""
    for apart, first in ((0.1, "Sarcoidosis"), (6.0, "Gout")):
        leads = [found(1, 1, 4.0 + apart, "Gout"), found(2, 2, 4.0, "Sarcoidosis")]
        assert weigh([leads[0], replace(leads[1], explained=0.7)])[0].name == first


def test_places_far_apart_are_as_they_were_found() -> None:
    apart = {"Gout": 60.0, "Sarcoidosis": 40.0, "Stroke": 20.0}
    leads = [found(n, n, fit, name) for n, (name, fit) in enumerate(apart.items(), start=1)]
    ranks = features_of({lead.names[0][0]: [(lead, False)] for lead in leads})[:, FEATURES.index("literature_rank")]
    assert ranks.tolist() == pytest.approx([1, 5 / 6, 5 / 7])
    alike = [replace(lead, fit=1.0) for lead in leads]
    ranks = features_of({lead.names[0][0]: [(lead, False)] for lead in alike})[:, FEATURES.index("literature_rank")]
    assert len(set(ranks.round(9).tolist())) == 1


def test_a_finding_set_right_by_a_person_decides_between_near_ones() -> None:
    leads = [found(1, 1, 2.0, "Gout", lexical=0.5), found(2, 2, 1.0, "Sarcoidosis", lexical=0.4)]
    assert weigh(leads)[0].name == "Gout"
    assert weigh([leads[0], replace(leads[1], by_hand=1.0)])[0].name == "Sarcoidosis"
    assert weigh([replace(leads[0], by_hand=-1.0), leads[1]])[0].name == "Sarcoidosis"


def test_what_anatomy_rules_out_comes_last_and_is_unlikely() -> None:
    leads = [found(1, 1, 5.0, "Ovarian torsion", lexical=0.6), found(2, 2, 1.0, "Gout", lexical=0.2)]
    assert [one.name for one in weigh(leads)] == ["Ovarian torsion", "Gout"]
    ranked = weigh([replace(leads[0], nearness=2), leads[1]], patient=Patient(sex="male"))
    assert [one.name for one in ranked] == ["Gout", "Ovarian torsion"]
    assert (ranked[1].probability, ranked[1].likelihood, ranked[1].must_not_miss) == (0.01, "unlikely", False)
    assert [one.name for one in propose(leads, patient=Patient(sex="male"))] == ["Gout"]


def test_the_order_of_equals_does_not_depend_on_the_order_of_the_leads() -> None:
    leads = [found(n, 1, 1.0, name) for n, name in enumerate(["Gout", "Osteosarcoma", "Appendicitis"])]
    assert weigh(leads) == weigh(leads[::-1])


@pytest.mark.parametrize("name", ["Parietal lobe", "Right pulmonary artery", "White matter"])
def test_a_place_is_no_diagnosis(name: str) -> None:
    assert concept_of(name) is None


def test_a_place_that_a_coding_system_knows_for_more_is_one() -> None:
    found = concept_of("Cervical rib")
    assert found is not None
    assert found.codes["icd10cm"] == "Q76.5"


def test_what_is_of_another_part_of_the_body_comes_behind() -> None:
    leads = [found(1, 1, 4.2, "Gout"), found(2, 2, 4.0, "Sarcoidosis")]
    assert weigh(leads)[0].name == "Gout"
    assert weigh([replace(leads[0], elsewhere=1.0), leads[1]])[0].name == "Sarcoidosis"


def test_one_text_that_names_other_parts_too_does_not_put_a_disease_behind() -> None:
    leads = [found(1, 1, 4.2, "Gout"), found(2, 2, 4.0, "Sarcoidosis")]
    near = replace(leads[0], item=3, rank=3, fit=1.0, lexical=0.05)
    assert weigh([replace(leads[0], elsewhere=0.3), replace(near, elsewhere=1.0), leads[1]])[0].name == "Gout"


def test_the_likeliest_of_few_diagnoses_is_less_likely_the_right_one() -> None:
    leads = [found(1, 1, 4.0, "Gout"), found(2, 2, 1.0, "Sarcoidosis")]
    few, some, many = ([one.probability for one in weigh(leads, breadth=breadth)] for breadth in (3, 45, 600))
    assert few == some
    assert all(less < more for less, more in zip(some, many, strict=True))
