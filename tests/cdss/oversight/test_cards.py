"""The source attributes and the cards: every attribute is there, and a figure only where one was measured."""

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.oversight.cards import CARDS, source_attributes
from cdss.oversight.measured import NOT_KNOWN
from cdss.oversight.simulation import use_simulate
from tests.cdss.cast import evaluation_run, library_case, library_document

PREDICTIVE = [
    "details_developer",
    "details_funding",
    "details_output_value",
    "details_output_type",
    "purpose_intended_use",
    "purpose_patient_population",
    "purpose_intended_users",
    "purpose_decision_role",
    "cautions_inappropriate_use",
    "cautions_risks",
    "development_criteria",
    "development_variables",
    "development_demographics",
    "development_relevance",
    "fairness_approach",
    "fairness_bias_mitigation",
    "validation_data_source",
    "validation_tester",
    "validation_demographics",
    "validation_process",
    "performance_internal_validity",
    "performance_internal_fairness",
    "performance_external_validity",
    "performance_external_fairness",
    "performance_outcome_evaluation",
    "maintenance_validity_monitoring",
    "maintenance_local_validity",
    "maintenance_fairness_monitoring",
    "maintenance_local_fairness",
    "updates_process",
    "updates_correction",
]
EVIDENCE_BASED = [
    "citation",
    "developer",
    "funding",
    "dates",
    "race",
    "ethnicity",
    "language",
    "sexual_orientation",
    "gender_identity",
    "sex",
    "dob",
    "sdoh",
    "health_status",
]
FIGURE = {"measure": "gold in the first 5", "system": "cdss", "cases": "all", "value": 0.8, "low": 0.75, "high": 0.85, "n": 535, "better": "higher"}  # noqa: E501  # fmt: skip


@pytest.fixture
def desk(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def values() -> dict[str, str]:
    return {row.key: row.value for section in source_attributes().sections for row in section.rows}


def test_all_31_and_13_are_there(db: None) -> None:
    wanted = [f"predictive_{key}" for key in PREDICTIVE] + [f"evidence_based_{key}" for key in EVIDENCE_BASED]
    assert len(PREDICTIVE) == 31
    assert len(EVIDENCE_BASED) == 13
    assert list(values()) == wanted
    assert all(values().values())


def test_what_was_not_measured_is_not_known(db: None) -> None:
    told = values()
    for key in (
        "validation_data_source",
        "validation_tester",
        "validation_demographics",
        "performance_external_validity",
        "performance_external_fairness",
        "performance_outcome_evaluation",
        "maintenance_local_validity",
        "maintenance_local_fairness",
    ):
        assert told[f"predictive_{key}"] == NOT_KNOWN


def test_figures_are_the_stored_ones(clinician: User) -> None:
    run = evaluation_run("differential", figures=[FIGURE, FIGURE | {"system": "bm25", "value": 0.1}], by=clinician)
    gap = FIGURE | {"measure": "gold in the first 5, largest gap by sex", "value": 0.04}
    group = FIGURE | {"dimension": "sex", "group": "female", "measure": "gold in the first 5"}
    evaluation_run("subgroups", figures=[gap], tables={"groups": [group]})
    told = values()
    assert "gold in the first 5 0.800 (0.750–0.850, n 535)" in told["predictive_performance_external_validity"]
    assert "0.100" not in told["predictive_performance_external_validity"]
    assert f"run {run.pk}" in told["predictive_validation_data_source"]
    assert "clinician" in told["predictive_validation_tester"]
    assert "largest gap by sex 0.040" in told["predictive_performance_external_fairness"]
    assert "sex female 535" in told["predictive_validation_demographics"]


def test_what_is_simulated_is_no_figure_of_the_site(db: None) -> None:
    use_simulate(consultations=60)
    assert values()["predictive_maintenance_local_validity"] == NOT_KNOWN


@pytest.mark.parametrize("name", list(CARDS))
def test_pages_and_json_say_the_same(
    desk: Client, name: str, clinician: User, settings: object, tmp_path: object
) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    library_case(clinician)
    library_document(clinician)
    page = desk.get(f"/about/{name}/")
    data = desk.get(f"/about/{name}.json").json()
    assert page.status_code == 200
    assert data["title"] == page.context["card"].title
    assert len(data["sections"]) == len(page.context["card"].sections)


def test_the_data_card_counts_what_everyone_may_see(
    desk: Client, clinician: User, settings: object, tmp_path: object
) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    library_case(clinician)
    library_case(clinician, visibility="private")
    rows = {row["name"]: row["value"] for section in desk.get("/about/data-card.json").json()["sections"] for row in section["rows"]}  # noqa: E501  # fmt: skip
    assert rows["Cases"] == "1"
    assert rows["Images by modality"] == "CT 1"
    assert "1 case" in rows["Of the tests"]


def test_an_unknown_card_is_a_404(desk: Client) -> None:
    assert desk.get("/about/nothing/").status_code == 404
    assert desk.get("/about/nothing.json").status_code == 404
