"""A conflict is kept beside the support of a statement, and shown on it, on its evidence and in the report."""

import json
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Statement
from cdss.consultations.services import consultation_start
from cdss.reasoning.types import CaseInput
from tests.cdss.consultations.page_rows import words

DENIED = {
    "id": "d9", "kind": "literature", "title": "Pulmonary hamartoma", "source": {"name": "tests", "id": "d9"},
    "text": "Popcorn calcification is absent in a pulmonary hamartoma of the trachea.",
}  # fmt: skip


@pytest.fixture
def shown(
    small_library: None, tmp_path, clinician: User, run_queue: Callable[..., object], client: Client
) -> Consultation:
    (tmp_path / "denied.jsonl").write_text(json.dumps(DENIED))
    call_command("import_library", str(tmp_path / "denied.jsonl"), collection="Tests", publish=True, verbosity=0)
    call_command("build_index", verbosity=0)
    with run_queue():  # type: ignore[attr-defined]
        row = consultation_start(by=clinician, case=CaseInput(findings="Popcorn calcification in a nodule."))
    client.force_login(clinician)
    return Consultation.objects.get(pk=row.pk)


def opposed() -> list[Statement]:
    return [statement for statement in Statement.objects.order_by("pk") if statement.conflicts]


def test_it_is_stored_beside_the_support(shown: Consultation) -> None:
    one, other = opposed()
    assert {one.stance, other.stance} == {"for", "against"}
    assert (one.support, other.support) == ("supported", "supported")
    assert (one.conflicts, other.conflicts) == ([other.position], [one.position])
    assert one.diagnosis.name == "Pulmonary hamartoma"


def test_the_page_marks_both_statements_and_their_evidence(shown: Consultation, client: Client) -> None:
    html = client.get(f"/consultations/{shown.pk}/").content.decode()
    one, other = opposed()
    assert f'href="#s{other.pk}"' in html
    assert f'href="#s{one.pk}"' in html
    assert "2 conflicting" in words(html)
    cited = {citation.evidence.label for statement in (one, other) for citation in statement.citations.all()}
    cards = {card.split('"')[0]: card for card in html.split('<article class="evidence" id="')[1:]}
    assert {label for label, card in cards.items() if "state-conflicting" in card} == cited


def test_the_report_and_the_export_name_the_other(shown: Consultation, client: Client) -> None:
    assert "Conflicting with evidence" in words(client.get(f"/consultations/{shown.pk}/print/").content)
    exported = json.loads(client.get(f"/consultations/{shown.pk}/export/").content)
    told = {s["text"]: s["conflicts_with"] for d in exported["diagnoses"] for s in d["statements"]}
    one, other = opposed()
    assert (told[one.text], told[other.text]) == ([other.text], [one.text])
    assert {s["support"] for d in exported["diagnoses"] for s in d["statements"]} <= {
        "supported",
        "partly",
        "unsupported",
    }
