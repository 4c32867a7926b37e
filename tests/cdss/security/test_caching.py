"""What browsers and caches on the way may keep: files of the program for a minute, all else by its reader alone."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client, RequestFactory

from cdss.accounts.models import User
from cdss.caching import PAGE, REFUSAL, PrivateAnswersMiddleware


@pytest.mark.parametrize("name", ["css/oversight.css", "js/app.js"])
def test_a_file_of_the_program_is_asked_for_again_but_not_sent_again(client: Client, name: str) -> None:
    first = client.get(f"/static/{name}")
    assert first.status_code == 200
    assert b"".join(first.streaming_content) == Path(finders.find(name)).read_bytes()
    assert (first["Cache-Control"], "ETag" in first, "Last-Modified" in first) == ("max-age=60, public", True, True)
    assert first["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in first
    assert "Vary" not in first or "Cookie" not in first["Vary"]
    again = client.get(f"/static/{name}", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again["ETag"]) == (304, first["ETag"])
    assert client.get(f"/static/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["css/none.css", "../cdss/settings.py", "%2e%2e/manage.py", "css/../../manage.py"])
def test_what_is_no_file_of_the_program_is_not_there_and_not_kept(client: Client, path: str) -> None:
    answer = client.get(f"/static/{path}")
    assert (answer.status_code, answer["Cache-Control"]) == (404, REFUSAL)


@pytest.mark.parametrize(
    ("status", "said", "kept"), [(200, "", PAGE), (404, "", REFUSAL), (503, "", REFUSAL), (200, "no-store", "no-store")]
)
def test_what_a_page_says_itself_holds(status: int, said: str, kept: str) -> None:
    page = HttpResponse(status=status, headers={"Cache-Control": said} if said else {})
    assert PrivateAnswersMiddleware(lambda request: page)(RequestFactory().get("/"))["Cache-Control"] == kept


def test_a_page_of_an_error_is_not_kept(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    assert client.get("/library/cases/999999/")["Cache-Control"] == REFUSAL
    assert client.get("/no/such/page/")["Cache-Control"] == REFUSAL
    assert client.get("/audit/")["Cache-Control"] == REFUSAL


def test_no_answer_is_written_below_the_one_that_watches_over_them() -> None:
    middleware = settings.MIDDLEWARE
    here = middleware.index("cdss.caching.PrivateAnswersMiddleware")
    assert middleware[:here] == [
        "django.middleware.security.SecurityMiddleware",
        "cdss.static_files.StaticFilesMiddleware",
    ]
