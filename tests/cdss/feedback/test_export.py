import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement
from cdss.exports import FORMULA_STARTS, neutral
from cdss.feedback.export import COLUMNS
from cdss.feedback.models import Feedback
from cdss.feedback.services import feedback_give
from retrieval.files import written_beside

COMMENT = "=1+1\nleft, “not” right"


@pytest.fixture
def said(
    clinician: User, consultation: Consultation, statement: Statement, diagnosis: Diagnosis, evidence: Evidence
) -> list[Feedback]:
    clinician.location = "Ward 3"
    give = {"by": clinician, "consultation": consultation}
    return [
        feedback_give(**give, statement=statement, verdict="wrong", reason="wrong-detail", comment=COMMENT),
        feedback_give(**give, diagnosis=diagnosis, verdict="agree"),
        feedback_give(**give, evidence=evidence, verdict="not_relevant"),
        feedback_give(**give, verdict="final", final_diagnosis="Hamartoma", confirmed_by="histology"),
    ]


def export(tmp_path: Path, form: str, *arguments: str) -> str:
    output = tmp_path / f"out.{form}"
    call_command("export_feedback", "--format", form, "--output", str(output), *arguments)
    return output.read_bytes().decode()


def test_a_row_says_who_what_when_where_and_on_what_ground(said: list[Feedback], tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(export(tmp_path, "csv"))))
    assert len(rows) == len(said)
    wrong, agree, evidence, final = rows
    assert wrong["date"] == said[0].created.isoformat(timespec="seconds")
    assert (wrong["user"], wrong["role"], wrong["location"]) == ("clinician", "clinician", "Ward 3")
    assert (wrong["consultation"], wrong["intervention_type"]) == (str(said[0].consultation), "statement")
    assert (wrong["intervention"], wrong["source"]) == ("Popcorn calcification was seen.", "Hamartoma")
    assert (wrong["action_taken"], wrong["reason"]) == ("wrong", "wrong-detail")
    assert wrong["feedback"] == f"'{COMMENT}"
    assert (wrong["index_version"], wrong["model"], wrong["writer"]) == ("index-1", "composer", "composer")
    assert (agree["intervention_type"], agree["intervention"]) == ("diagnosis", "Hamartoma")
    assert evidence["source"] == "E1: journal 1"
    assert (final["final_diagnosis"], final["confirmed_by"]) == ("Hamartoma", "histology")


def test_json_lines_hold_the_same_unchanged(said: list[Feedback], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in export(tmp_path, "jsonl").splitlines()]
    assert [tuple(row) for row in rows] == [COLUMNS] * len(said)
    assert rows[0]["feedback"] == COMMENT


def test_fhir_is_a_bundle_of_questionnaire_responses(said: list[Feedback], tmp_path: Path) -> None:
    bundle = json.loads(export(tmp_path, "fhir"))
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(said)
    assert {resource["resourceType"] for resource in resources} == {"QuestionnaireResponse"}
    assert {resource["status"] for resource in resources} == {"completed"}
    items = {item["linkId"]: item["answer"] for item in resources[0]["item"]}
    coding = items["reason"][0]["valueCoding"]
    assert (coding["code"], coding["display"]) == ("wrong-detail", "Wrong side, number or negation")
    assert "final_diagnosis" not in items
    answers = [item["answer"][0] for resource in resources for item in resource["item"]]
    assert all(answer.get("valueString", "not empty") for answer in answers)


def test_an_empty_bundle_is_still_json(db: None, tmp_path: Path) -> None:
    assert json.loads(export(tmp_path, "fhir"))["entry"] == []


def test_filters(said: list[Feedback], tmp_path: Path, clinician: User) -> None:
    Feedback.objects.filter(pk=said[0].pk).update(created=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    Feedback.objects.exclude(pk=said[0].pk).update(created=datetime(2026, 2, 1, 0, 0, tzinfo=UTC))
    assert len(export(tmp_path, "jsonl", "--until", "2026-01-31").splitlines()) == 1
    assert len(export(tmp_path, "jsonl", "--since", "2026-02-01").splitlines()) == 3
    assert len(export(tmp_path, "jsonl", "--user", "Clinician").splitlines()) == 4
    with pytest.raises(CommandError, match="No account"):
        export(tmp_path, "jsonl", "--user", "nobody")


def test_by_role_model_and_outcome_and_counted(
    said: list[Feedback], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(export(tmp_path, "jsonl", "--role", "clinician").splitlines()) == 4
    assert export(tmp_path, "jsonl", "--role", "auditor") == ""
    assert len(export(tmp_path, "jsonl", "--model", "composer").splitlines()) == 2
    assert len(export(tmp_path, "jsonl", "--outcome", "done").splitlines()) == 4
    assert export(tmp_path, "jsonl", "--outcome", "abstained") == ""
    capsys.readouterr()
    call_command("export_feedback", "--format", "csv", "--count", "--model", "composer")
    assert capsys.readouterr().out.strip() == "2"
    with pytest.raises(CommandError, match="--output"):
        call_command("export_feedback", "--format", "csv")


def test_fhir_fits_the_schema(said: list[Feedback], tmp_path: Path) -> None:
    assert len(Bundle.model_validate_json(export(tmp_path, "fhir")).entry) == len(said)


def test_the_trail_holds_count_and_hash(said: list[Feedback], tmp_path: Path) -> None:
    text = export(tmp_path, "csv", "--since", "2020-01-01")
    event = Event.objects.get(action="feedback.exported")
    assert event.details["rows"] == len(said)
    assert event.details["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert event.details["filters"] == {"since": "2020-01-01"}


def test_a_file_that_cannot_be_written_leaves_nothing(said: list[Feedback], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_feedback", "--format", "csv", "--output", str(tmp_path / "file" / "out.csv"))
    assert not Event.objects.filter(action="feedback.exported").exists()


def test_what_stood_there_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def full() -> None:
        with written_beside(path) as file:
            file.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        full()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n＝＋－＠'ab, \"")))
def test_no_cell_is_a_formula_and_every_cell_comes_back(text: str) -> None:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([neutral(text), "end"])
    cell = next(csv.reader(io.StringIO(line.getvalue(), newline="")))[0]
    assert not cell.startswith(tuple(set(FORMULA_STARTS) - {"'"}))
    assert cell.removeprefix("'") == text


class TestPages:
    def test_the_list_counts_before_the_export(self, client: Client, auditor: User, said: list[Feedback]) -> None:
        client.force_login(auditor)
        page = client.get("/feedback/", {"verdict": "agree"}).content.decode()
        assert "Export 1 row" in page
        assert "format=csv&amp;verdict=agree" in page

    @pytest.mark.parametrize("form", ["csv", "jsonl", "fhir"])
    def test_a_download_is_what_the_command_writes(
        self, client: Client, auditor: User, said: list[Feedback], tmp_path: Path, form: str
    ) -> None:
        client.force_login(auditor)
        answer = client.get("/feedback/export/", {"format": form, "user": "clinician"})
        data = b"".join(answer.streaming_content)
        assert data.decode() == export(tmp_path, form)
        assert answer["Content-Length"] == str(len(data))
        assert answer["Content-Disposition"].startswith('attachment; filename="feedback-')
        event = Event.objects.filter(action="feedback.exported").first()
        assert (event.actor, event.details["sha256"]) == ("auditor", hashlib.sha256(data).hexdigest())
        assert event.details["filters"] == {"user": "clinician"}

    @pytest.mark.parametrize("query", ["format=xml", "format=csv&since=yesterday", "format=csv&verdict=great"])
    def test_a_wrong_filter_exports_nothing(self, client: Client, auditor: User, query: str) -> None:
        client.force_login(auditor)
        assert client.get(f"/feedback/export/?{query}").status_code == 400
        assert not Event.objects.exists()

    def test_constant_queries(
        self, client: Client, auditor: User, clinician: User, consultation: Consultation, said: list[Feedback]
    ) -> None:
        client.force_login(auditor)
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                client.get("/feedback/")
            counts.append(len(queries))
            for _ in range(20):
                feedback_give(by=clinician, consultation=consultation, verdict="agree")
        assert counts[0] == counts[1]
