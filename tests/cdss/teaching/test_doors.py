"""While a case is an unknown for somebody, no other page of this product gives it away to them, and to them alone."""

import datetime as dt
from hashlib import sha256
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Evidence
from cdss.exchange.choosing import Chosen, chosen_cases
from cdss.library.models import Case, CaseImage
from cdss.teaching.attempting import attempt_commit, attempt_start
from cdss.teaching.models import Attempt, Quiz
from cdss.teaching.running import run_start, run_submit
from tests.cdss.cast import PIXEL, answered_consultation


@pytest.fixture
def attempt(client: Client, clinician: User, hamartoma: Case) -> Attempt:
    client.force_login(clinician)
    return attempt_start(case=hamartoma, by=clinician)


def lists(client: Client) -> str:
    paths = ("/", "/library/", "/library/?view=table&kind=case", "/library/?q=hamartoma&kind=case",
             "/library/?diagnosis=hamartoma", "/library/sources/")  # fmt: skip
    return "".join(client.get(path).content.decode() for path in paths)


def test_the_library_leaves_it_out(client: Client, attempt: Attempt) -> None:
    case = attempt.case
    said = lists(client)
    assert f"/library/items/{case.pk}/" not in said
    assert f"/library/cases/{case.pk}/" not in said
    assert case.title not in said
    # A facet that counts it would tell that something matches.
    assert "Nothing" in client.get("/library/?diagnosis=Pulmonary+hamartoma").content.decode()


@pytest.mark.parametrize("path", ["/library/cases/{}/", "/library/items/{}/", "/library/cases/{}/?start=0&end=9"])
def test_its_page_leads_back(client: Client, attempt: Attempt, path: str) -> None:
    answer = client.get(path.format(attempt.case_id))
    assert answer["Location"] == attempt.get_absolute_url()
    assert Event.objects.filter(action="teaching.door_closed").exists()


def test_asking_about_it_leads_back(client: Client, attempt: Attempt) -> None:
    answer = client.post(f"/consultations/from-case/{attempt.case_id}/")
    assert answer["Location"] == attempt.get_absolute_url()
    assert not Consultation.objects.exists()


def test_a_consultation_does_not_find_it(client: Client, attempt: Attempt, clinician: User, run_queue: Any) -> None:
    with run_queue():
        client.post("/consultations/new/", {"findings": attempt.case.findings, "history": attempt.case.history})
    row = Consultation.objects.get(user=clinician)
    assert not row.evidence.filter(item=attempt.case_id).exists()
    attempt_commit(attempt=attempt, by=clinician, lines=[], confidence=None)
    with run_queue():
        client.post("/consultations/new/", {"findings": attempt.case.findings, "history": attempt.case.history})
    again = Consultation.objects.filter(user=clinician).order_by("-pk")[0]
    assert again.evidence.filter(item=attempt.case_id).exists()


def test_a_consultation_that_read_it_before_waits(client: Client, attempt: Attempt, clinician: User) -> None:
    row = answered_consultation(clinician)
    Evidence.objects.filter(consultation=row).update(item=attempt.case_id)
    for path in ("", "print/", "export/", "status/"):
        assert client.get(f"/consultations/{row.pk}/{path}")["Location"] == attempt.get_absolute_url(), path
    other = answered_consultation(clinician)
    assert client.get(f"/consultations/{other.pk}/").status_code == 200
    attempt_commit(attempt=attempt, by=clinician, lines=[], confidence=None)
    assert client.get(f"/consultations/{row.pk}/").status_code == 200


def test_others_see_all_of_it(client: Client, attempt: Attempt, educator: User, make_user: Any) -> None:
    for user in (educator, make_user("colleague")):
        client.force_login(user)
        assert client.get(f"/library/cases/{attempt.case_id}/").status_code == 200
        assert f"/library/items/{attempt.case_id}/" in lists(client)


@pytest.mark.parametrize("end", ["commit", "day"])
def test_the_doors_open_again(client: Client, attempt: Attempt, clinician: User, end: str) -> None:
    if end == "commit":
        attempt_commit(attempt=attempt, by=clinician, lines=["Hamartoma"], confidence=90)
    else:
        Attempt.objects.update(created=timezone.now() - dt.timedelta(hours=25))
    assert client.get(f"/library/cases/{attempt.case_id}/").status_code == 200
    assert f"/library/items/{attempt.case_id}/" in lists(client)


def test_a_quiz_closes_them_too(client: Client, clinician: User, quiz: Quiz, hamartoma: Case, calculus: Case) -> None:
    client.force_login(clinician)
    run = run_start(quiz=quiz, by=clinician)
    assert client.get(f"/library/cases/{hamartoma.pk}/")["Location"] == run.get_absolute_url()
    assert client.get(f"/library/cases/{calculus.pk}/").status_code == 200
    run_submit(run=run, by=clinician, sent={})
    assert client.get(f"/library/cases/{hamartoma.pk}/").status_code == 200


def test_viewer_region_search_and_export_do_not_have_it(client: Client, attempt: Attempt, clinician: User) -> None:
    image = CaseImage(case=attempt.case, width=1, height=1, sha256=sha256(PIXEL).hexdigest(), position=9)
    image.file.save("pixel.png", ContentFile(PIXEL))
    paths = (
        f"/studies/images/{image.pk}/",
        f"/studies/images/{image.pk}/data/",
        f"/regions/search/?image={image.pk}&frame=0&x=0&y=0&w=1&h=1",
        f"/library/export/carried/{attempt.case_id}/",
    )
    assert [client.get(path).status_code for path in paths] == [404, 404, 404, 403]
    assert list(chosen_cases(Chosen(ids=(attempt.case_id,)), user=clinician)) == []
    attempt_commit(attempt=attempt, by=clinician, lines=[], confidence=None)
    assert [client.get(path).status_code for path in paths[:2]] == [200, 200]
    assert list(chosen_cases(Chosen(ids=(attempt.case_id,)), user=clinician)) == [attempt.case]
