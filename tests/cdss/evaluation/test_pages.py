import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.models import User
from cdss.evaluation.figures import PRODUCT
from tests.cdss.cast import evaluation_run

BINS = [{"low": 0.9, "high": 1.0, "confidence": 1.0, "accuracy": 0.25, "count": 8}]
CURVE = [{"coverage": 0.5, "risk": 0.1}, {"coverage": 1.0, "risk": 0.3}]
GROUPS = [
    {"dimension": "sex", "group": group, "measure": "gold in the first 1", "system": system, "cases": "all",
     "value": value, "low": 0.2, "high": 0.8, "n": 5, "better": "higher"}
    for group, value in (("female", 0.5), ("male", 0.75))
    for system in (PRODUCT, "fusion")
]  # fmt: skip


@pytest.fixture
def office(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


def test_before_the_first_run_the_page_says_how_to_measure(office: Client) -> None:
    assert "manage.py evaluate all" in office.get("/evaluation/").content.decode()


def test_the_newest_run_of_each_suite_is_shown_with_its_change(office: Client) -> None:
    evaluation_run(value=0.5)
    evaluation_run(value=0.6)
    evaluation_run("differential")
    page = office.get("/evaluation/").content.decode()
    assert page.count('<section class="card"') == 2
    assert "+0.100 better than the run before" in " ".join(page.split())
    assert "0.600" in page


def test_a_run_on_other_cases_is_no_run_before(office: Client) -> None:
    evaluation_run(value=0.5, cases_sha256="1" * 64)
    evaluation_run(value=0.6)
    assert "than the run before" not in office.get("/evaluation/").content.decode()


def test_a_run_shows_its_plots_as_svg_without_style_or_script(office: Client) -> None:
    tables = {"reliability": BINS, "risk_coverage": CURVE, "groups": GROUPS}
    run = evaluation_run("calibration", tables=tables, notes=["Seen <b>once</b>."])
    page = office.get(f"/evaluation/{run.pk}/").content.decode()
    # Confidence 1 at the right edge, a quarter of them right.
    assert '<circle class="plot-dot" cx="324.0" cy="218.0"' in page
    assert '<polyline class="plot-line" points="184.0,260.0 324.0,204.0"/>' in page
    assert '<rect class="plot-bar" x="0" y="4" width="75.00%"' in page
    assert "Seen &lt;b&gt;once&lt;/b&gt;." in page
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*src)", page)


def test_the_history_is_filtered_by_suite(office: Client) -> None:
    evaluation_run("topics")
    evaluation_run("differential")
    page = office.get("/evaluation/?suite=differential").content.decode()
    assert page.count("<tr>") == 2
    assert office.get("/evaluation/?suite=nothing").status_code == 200


def test_more_runs_cost_no_more_queries(office: Client) -> None:
    counts = []
    for number in (2, 12):
        for _ in range(number):
            evaluation_run("topics")
        with CaptureQueriesContext(connection) as queries:
            assert office.get("/evaluation/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
