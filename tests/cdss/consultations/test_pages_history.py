from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Status
from cdss.library.models import Visibility
from tests.cdss.cast import answered_consultation, library_document
from tests.cdss.consultations import page_rows as rows


@pytest.fixture
def signed_in(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def found(client: Client, query: str = "") -> list[int]:
    return [row.pk for row in client.get(f"/consultations/{query}").context["page_obj"]]


def test_one_sees_ones_own_newest_first_and_an_auditor_all(
    client: Client, clinician: User, educator: User, auditor: User
) -> None:
    own, newer, foreign = (rows.consultation(user) for user in (clinician, clinician, educator))
    client.force_login(clinician)
    assert found(client) == [newer.pk, own.pk]
    client.force_login(auditor)
    assert found(client) == [foreign.pk, newer.pk, own.pk]


def test_every_word_must_stand_in_the_case_or_in_a_diagnosis(signed_in: Client, clinician: User) -> None:
    nodule = rows.consultation(clinician, findings="A calcified nodule.", history="")
    stroke = rows.consultation(clinician, findings="Restricted diffusion.", history="Sudden weakness.")
    rows.diagnosis(rows.answer(stroke), "Cerebral infarction")
    assert found(signed_in, "?q=nodule") == [nodule.pk]
    assert found(signed_in, "?q=NODULE+calcified") == [nodule.pk]
    assert found(signed_in, "?q=nodule+weakness") == []
    assert found(signed_in, "?q=infarction+weakness") == [stroke.pk]
    assert found(signed_in, f"?q=C-{stroke.pk}") == [stroke.pk]


def test_filters_narrow(signed_in: Client, clinician: User) -> None:
    old = rows.consultation(clinician, Status.FAILED)
    Consultation.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=10))
    pictured = answered_consultation(clinician, with_image=True)
    day = (timezone.now() - timedelta(days=5)).date().isoformat()
    assert found(signed_in, "?status=failed") == [old.pk]
    assert found(signed_in, f"?since={day}") == [pictured.pk]
    assert found(signed_in, f"?until={day}") == [old.pk]
    assert found(signed_in, "?images=on") == [pictured.pk]
    assert found(signed_in, "?images=on&status=failed") == []


def test_a_filter_that_cannot_be_read_is_said(signed_in: Client, clinician: User) -> None:
    rows.consultation(clinician)
    assert "Enter a valid date" in signed_in.get("/consultations/?since=yesterday").content.decode()


def test_pages_keep_the_filters(signed_in: Client, clinician: User) -> None:
    for _ in range(30):
        rows.consultation(clinician)
    html = signed_in.get("/consultations/?q=nodule").content.decode()
    assert "1–25 of 30" in html
    assert "?q=nodule&amp;page=2" in html
    assert len(found(signed_in, "?q=nodule&page=2")) == 5


def test_the_first_diagnosis_shown_is_the_first_that_is_supported(signed_in: Client, clinician: User) -> None:
    row = rows.consultation(clinician)
    given = rows.answer(row)
    rows.diagnosis(given, "Invented", [("x", "for", "unsupported")])
    rows.diagnosis(given, "Hamartoma", [("x", "for", "partly")])
    text = rows.words(signed_in.get("/consultations/").content)
    assert "Hamartoma" in text
    assert "Invented" not in text


def test_an_empty_list_says_what_to_do(signed_in: Client) -> None:
    assert "No consultation yet" in signed_in.get("/consultations/").content.decode()
    assert "No consultation matches" in signed_in.get("/consultations/?q=nothing").content.decode()


@pytest.mark.parametrize("path", ["/consultations/", "/consultations/?q=nodule&images=", "/"])
def test_the_number_of_queries_does_not_grow(
    signed_in: Client, clinician: User, django_assert_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    def more() -> None:
        answered_consultation(clinician, with_image=True)
        rows.consultation(clinician, Status.RUNNING)
        library_document(None)

    more()
    signed_in.get(path)
    with CaptureQueriesContext(connection) as few:
        signed_in.get(path)
    assert len(few) <= MOST_QUERIES
    for _ in range(5):
        more()
    with django_assert_num_queries(len(few)):
        signed_in.get(path)


# Session and user; on the list the count, the rows and one audit event; at the start three lists, and what is hidden.
MOST_QUERIES = 11


def test_the_start_shows_what_waits_for_its_reader(signed_in: Client, clinician: User, educator: User) -> None:
    running = rows.consultation(clinician, Status.RUNNING)
    done = rows.whole(clinician, size=1)
    foreign = rows.whole(educator, size=1)
    hidden = library_document(educator, Visibility.PRIVATE)
    response = signed_in.get("/")
    assert [row.pk for row in response.context["open"]] == [running.pk]
    assert [row.pk for row in response.context["awaiting"]] == [done.pk]
    html = response.content.decode()
    assert f"/consultations/{foreign.pk}/" not in html
    assert f"/library/documents/{hidden.pk}/" not in html


@pytest.mark.parametrize(("role", "may"), [("auditor", False), ("administrator", False), ("educator", True)])
def test_only_who_may_ask_is_invited_to(client: Client, request: pytest.FixtureRequest, role: str, may: bool) -> None:
    client.force_login(request.getfixturevalue(role))
    assert ("/consultations/new/" in client.get("/").content.decode()) is may
