import json

import pytest
from django.core.management import call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Statement
from cdss.consultations.services import consultation_start
from cdss.drills.models import Drill, DrillRun
from cdss.drills.planting import answer_of, plants
from cdss.drills.presenters import detection
from cdss.drills.services import DrillError, drill_start, drill_submit
from cdss.library.models import LibraryItem
from cdss.notices.models import Notice
from cdss.reasoning.types import CaseInput
from tests.cdss.consultations.conftest import run_queue, small_library

__all__ = ["run_queue", "small_library"]

CASE = CaseInput(
    age="58", sex="male", findings="A well-circumscribed 2 cm nodule with popcorn calcification in the left lung."
)


@pytest.fixture
def consultation(small_library: None, run_queue, educator: User) -> Consultation:
    with run_queue():
        row = consultation_start(by=educator, case=CASE)
    row.refresh_from_db()
    assert row.status == "done"
    return row


@pytest.fixture
def drill(consultation: Consultation, educator: User, clinician: User) -> Drill:
    return start(consultation, educator, [clinician])


def start(consultation: Consultation, by: User, learners: list[User], **fields: object) -> Drill:
    chosen = plants(answer_of(consultation.pk))[0]
    given = {"statement": chosen.statement.pk, "change": chosen.change, "teaching_case": True} | fields
    return drill_start(consultation=consultation, by=by, learners=learners, **given)


def test_every_plant_differs_and_is_refused_by_the_gate(consultation: Consultation) -> None:
    found = plants(answer_of(consultation.pk))
    assert found
    assert all(each.text != each.statement.text for each in found)


def test_the_planted_text_is_in_the_drill_and_nowhere_else(
    client: Client, clinician: User, educator: User, auditor: User, drill: Drill, tmp_path
) -> None:
    run = drill.runs.get()
    client.force_login(clinician)
    page = client.get(f"/drills/runs/{run.pk}/").content.decode()
    wrong = _words(drill.planted)
    assert wrong in page
    assert "One statement of this answer is wrong on purpose" in page
    assert drill.planted not in set(Statement.objects.values_list("text", flat=True))
    client.force_login(educator)
    pk = drill.consultation_id
    for url in (f"/consultations/{pk}/", f"/consultations/{pk}/print/", f"/consultations/{pk}/export/"):
        assert wrong not in client.get(url).content.decode(), url
    output = tmp_path / "feedback.jsonl"
    call_command("export_feedback", "--format", "jsonl", "--output", str(output))
    assert output.read_text() == ""


def _words(planted: str) -> str:
    """The source's words of a composed sentence, as the page shows them."""
    return planted.rpartition("“")[2].partition("”")[0]


def test_nothing_on_the_page_tells_which_one_it_is(client: Client, clinician: User, drill: Drill) -> None:
    client.force_login(clinician)
    page = client.get(f"/drills/runs/{drill.runs.get().pk}/").content.decode()
    for word in ("planted", "disclosed", drill.get_change_display(), drill.change):
        assert word not in page.lower(), word
    own = page[page.index(f'id="s{drill.statement_id}"') :]
    own = own[: own.index("</li>")]
    others = Statement.objects.filter(diagnosis__answer=drill.answer).exclude(pk=drill.statement_id)
    shown = [row for row in others if f'id="s{row.pk}"' in page]
    assert shown
    other = page[page.index(f'id="s{shown[0].pk}"') :]
    other = other[: other.index("</li>")]
    marks = [mark for mark in ("checkbox", "state-supported", 'class="cite"') if mark in other]
    assert [mark for mark in marks if mark not in own] == []


def test_found_and_disclosed(client: Client, clinician: User, drill: Drill) -> None:
    run = drill.runs.get()
    client.force_login(clinician)
    client.post(f"/drills/runs/{run.pk}/", {"wrong": [drill.statement_id, "987654321", "x"]})
    run.refresh_from_db()
    assert (run.detected, run.marked) == (True, [drill.statement_id])
    page = client.get(f"/drills/runs/{run.pk}/").content.decode()
    assert "Planted, and wrong" in page
    assert "Found" in page
    event = Event.objects.get(action="drill.submitted")
    assert event.details == {"detected": True, "marked": 1}
    client.post(f"/drills/runs/{run.pk}/", {"wrong": []})
    run.refresh_from_db()
    assert run.detected


def test_missed(clinician: User, drill: Drill) -> None:
    other = Statement.objects.filter(diagnosis__answer=drill.answer).exclude(pk=drill.statement_id).first()
    run = drill_submit(run=drill.runs.get(), by=clinician, marked=[other.pk])
    assert run.detected is False
    figure = detection("all", DrillRun.objects.all())
    assert (figure.found.count, figure.found.n, figure.beside) == (0, 1, 1.0)
    assert figure.found.interval[1] == pytest.approx(0.793, abs=1e-3)


def test_the_learner_is_told_and_reads_neither_consultation_nor_report(
    client: Client, clinician: User, drill: Drill
) -> None:
    assert Notice.objects.get(recipient=clinician).path == f"/drills/runs/{drill.runs.get().pk}/"
    client.force_login(clinician)
    pk = drill.consultation_id
    for url in ("", "print/", "export/", "status/", "progress/"):
        assert client.get(f"/consultations/{pk}/{url}").status_code == 404
    assert client.post(f"/feedback/consultations/{pk}/case/").status_code == 404
    assert client.get(f"/drills/{drill.pk}/").status_code == 403


def test_nobody_else_opens_a_run_before_it_is_handed_in(
    client: Client, make_user, clinician: User, educator: User, drill: Drill
) -> None:
    run = drill.runs.get()
    for user, before, after in ((educator, 404, 200), (make_user("other"), 404, 404)):
        DrillRun.objects.update(submitted=None)
        client.force_login(user)
        assert client.get(f"/drills/runs/{run.pk}/").status_code == before
        drill_submit(run=run, by=clinician, marked=[])
        assert client.get(f"/drills/runs/{run.pk}/").status_code == after


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"teaching_case": False}, "teaching case"),
        ({"change": "laterality", "statement": 987654321}, "cannot be altered"),
        ({"change": "nonsense"}, "cannot be altered"),
        ({"learners": []}, "learners"),
    ],
)
def test_what_starts_no_drill(
    consultation: Consultation, educator: User, clinician: User, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(DrillError, match=message):
        start(consultation, educator, **({"learners": [clinician]} | fields))
    assert not Drill.objects.exists()


def test_who_may_not(consultation: Consultation, educator: User, clinician: User, auditor: User, make_user) -> None:
    for by, learners in ((clinician, [educator]), (educator, [auditor]), (educator, [educator])):
        with pytest.raises(DrillError):
            start(consultation, by, learners)
    LibraryItem.objects.update(visibility="private", owner=educator)
    with pytest.raises(DrillError, match="may not read"):
        start(consultation, educator, [clinician])


def test_the_form_and_the_report(client: Client, educator: User, clinician: User, consultation: Consultation) -> None:
    client.force_login(educator)
    url = f"/drills/new/{consultation.pk}/"
    chosen = plants(answer_of(consultation.pk))[0]
    assert chosen.text.rpartition("“")[2][:20] in client.get(url).content.decode()
    sent = {"plant": f"{chosen.statement.pk}:{chosen.change}", "learners": [clinician.pk]}
    assert client.post(url, sent).status_code == 422
    answer = client.post(url, sent | {"teaching_case": "on"})
    drill = Drill.objects.get()
    assert answer["Location"] == f"/drills/{drill.pk}/"
    assert drill.planted == chosen.text
    assert json.dumps(Event.objects.get(action="drill.started").details["learners"]) == "1"
    drill_submit(run=drill.runs.get(), by=clinician, marked=[drill.statement_id])
    assert "1/1, 21–100%" in client.get(f"/drills/{drill.pk}/").content.decode()
    assert "1/1, 21–100%" in client.get("/drills/").content.decode()
