"""Objects of others, over every URL of the URLconf with every method and every role: as if they did not exist."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cdss.accounts.models import Role, User
from cdss.consultations.models import Consultation, Evidence, Status
from cdss.library.models import Collection, LibraryItem, SavedSearch, Visibility
from tests.cdss.cast import answered_consultation, library_case, library_document
from tests.cdss.consultations.conftest import run_queue, small_library
from tests.cdss.test_access import METHODS, PEOPLE, TABLE, Row, World, ask, media, world

__all__ = ["media", "run_queue", "small_library", "world"]

CANARY = "zebracanary"
# Pages of what belongs to nobody in particular: an account is managed by administrators, a run measured by the site, a
# link is for whoever has it.
OF_NOBODY = {"account", "evaluation", "quarantine", "group", "card", "weights", "token", "platform", "structure"}
NOWHERE = 987654321
# 400: it is allowed, and what was sent is not.
ALLOWED = (200, 302, 400)
# What somebody may open and not act on: the refusal tells them nothing new.
OPEN_TO = {("own_series", "administrator")}
CSRF = re.compile(rb'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]+')


def with_arguments(patterns: Any = None, namespace: str = "") -> set[str]:
    """Names of the URLs that take an object, out of the URLconf."""
    found: set[str] = set()
    for pattern in patterns or get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            found |= with_arguments(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
        elif isinstance(pattern, URLPattern) and pattern.pattern.converters:
            found.add(f"{namespace}{pattern.name}")
    return found


def test_every_url_with_an_object_says_whose_it_is() -> None:
    """A new route of an object without a row that names somebody else's fails here."""
    tried = {row.name for row in TABLE if set(row.args) - OF_NOBODY}
    of_nobody = {row.name for row in TABLE if row.args and not set(row.args) - OF_NOBODY}
    assert with_arguments() == tried | of_nobody
    for row in TABLE:
        if set(row.args) - OF_NOBODY:
            # Auditors may read what is anybody's; of what an educator makes, another row names a stranger's.
            others = any(404 in other.expected for other in TABLE if other.name == row.name)
            assert others or set(row.expected[1:4]) <= {302, 403, 404}, row


def body_of(world: World, person: str, url: str, method: str, data: Any) -> tuple[int, bytes, str]:
    client = world.client(person)
    response = getattr(client, method.lower())(url, data or {}) if method in ("GET", "POST") else getattr(
        client, method.lower())(url)  # fmt: skip
    content = b"" if response.streaming else response.content
    return response.status_code, CSRF.sub(b"", content), response.get("Location", "")


@pytest.mark.parametrize("row", [row for row in TABLE if set(row.args) - OF_NOBODY], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_yours_answers_like_what_does_not_exist(world: World, row: Row, method: str) -> None:
    """The same status and the same page, to the letter: not even that it exists can be told."""
    foreign = world.url(row.name, row.args)
    objects = {name: NOWHERE if isinstance(value, int) and value else value for name, value in world.objects.items()}
    nowhere = World({}, objects).url(row.name, row.args)
    for person, expected in zip(PEOPLE, row.expected, strict=True):
        if person == "anonymous" or (method == row.method and expected in ALLOWED):
            continue
        if {(name, person) for name in row.args} & OPEN_TO:
            continue
        if any(other.name == row.name and other.method == method and other.args == row.args
               and other.expected[PEOPLE.index(person)] in ALLOWED for other in TABLE):  # fmt: skip
            continue
        here = body_of(world, person, foreign, method, row.data)
        assert here[0] in (403, 404, 405), (person, here[0])
        assert here == body_of(world, person, nowhere, method, row.data), person


@pytest.fixture
def planted(make_user: Any, media: None, small_library: None) -> User:
    """Somebody whose every object holds one word that nobody else may read."""
    owner = make_user("planter", Role.CLINICIAN, department="secret department")
    for made in (library_case(owner, Visibility.PRIVATE), library_document(owner, Visibility.PRIVATE),
                 library_case(owner, Visibility.DEPARTMENT)):  # fmt: skip
        LibraryItem.objects.filter(pk=made.pk).update(
            title=f"{CANARY} {made.pk}", text=f"A nodule with {CANARY} popcorn calcification.", source_name=CANARY
        )
    SavedSearch.objects.create(user=owner, name=CANARY, filters={"q": CANARY})
    consultation = answered_consultation(owner, with_image=True)
    Consultation.objects.filter(pk=consultation.pk).update(findings=CANARY, history=CANARY)
    Evidence.objects.filter(consultation=consultation).update(title=CANARY, text=f"{CANARY} text")
    return owner


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.EDUCATOR, Role.ADMINISTRATOR, Role.AUDITOR])
def test_lists_searches_and_exports_hold_nothing_of_others(
    client: Client, planted: User, make_user: Any, role: str
) -> None:
    client.force_login(make_user("reader", role, department="radiology"))
    for row in TABLE:
        if row.method != "GET" or row.args or row.name.startswith(("mfa_", "openid_connect")):
            continue
        url = World({}, {}).url(row.name, ())
        if role == Role.AUDITOR and not url.startswith("/library/"):
            # Auditors read consultations and the trail: that is their task.
            continue
        for query in ("", f"?q={CANARY}", f"?q={CANARY}&view=table", f"?diagnosis={CANARY}", "?state=draft", "?page=2"):
            response = client.get(url + query)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            # The search box repeats what was typed; nothing else may say it.
            shown = body.decode().replace(f'value="{CANARY}"', "").replace(f"q={CANARY}", "")
            shown = re.sub(rf"[“\"']{CANARY}[”\"']|diagnosis={CANARY}|<strong>{CANARY}</strong>", "", shown)
            assert CANARY not in shown, url + query


def test_search_similar_cases_and_citations_hold_nothing_of_others(
    client: Client, planted: User, clinician: User, run_queue: Any, settings: Any
) -> None:
    from django.core.management import call_command

    call_command("build_index", verbosity=0)
    client.force_login(clinician)
    with run_queue():
        client.post("/consultations/new/", {"findings": f"A nodule with popcorn calcification, {CANARY}."})
    row = Consultation.objects.get(user=clinician)
    assert row.status in (Status.DONE, Status.ABSTAINED)
    assert not row.evidence.filter(source_name=CANARY).exists()
    assert not row.evidence.filter(text__contains=f"{CANARY} popcorn").exists()
    export = client.get(f"/consultations/{row.pk}/export/").content.decode()
    assert "with zebracanary popcorn" not in export
    # Its owner finds it.
    client.force_login(planted)
    with run_queue():
        client.post("/consultations/new/", {"findings": f"A nodule with popcorn calcification, {CANARY}."})
    assert Evidence.objects.filter(consultation__user=planted, source_name=CANARY).exists()


def test_a_collection_of_others_gives_no_names(client: Client, planted: User, clinician: User) -> None:
    private = Collection.objects.create(name=CANARY)
    LibraryItem.objects.filter(source_name=CANARY).update(collection=private)
    client.force_login(clinician)
    for url in ("/library/", "/library/sources/", f"/library/?collection={private.pk}", "/"):
        assert CANARY not in client.get(url).content.decode(), url


def test_the_state_of_a_foreign_request_is_undone(world: World) -> None:
    """The helper these tests stand on does tell a difference."""
    url = world.url("consultations:detail", ("consultation",))
    assert ask(world, "owner", url, "GET") == 200
    assert ask(world, "stranger", url, "GET") == 404
