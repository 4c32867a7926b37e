"""Locked modes: every route that writes, every route of an image, every command, tried one by one."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Status
from cdss.evaluation.cases import KnownImage
from cdss.evaluation.workbench import pixels_of as pixels_of_known
from cdss.indexing.encoding.embedding import embed_images
from cdss.indexing.encoding.patches import frame_pixels
from cdss.library.doubts import doubt_decide
from cdss.library.intake import IntakeError, image_intake, stored_pixels
from cdss.library.models import Case, Doubt, LibraryItem, SavedSearch
from cdss.library.screening import screened
from cdss.library.thumbnails import thumbnail
from cdss.locks.forms_closed import FORM_PAGES
from cdss.locks.middleware import IMAGE_ROUTES
from cdss.locks.models import Mode, SiteLock
from cdss.locks.modes import LockedError, is_locked
from cdss.locks.services import SetElsewhereError, mode_set
from cdss.reading import door
from cdss.studies.frame_files import read_frame
from tests.cdss.bad_input import files
from tests.cdss.cast import PIXEL, answered_consultation, library_case
from tests.cdss.consultations.conftest import run_queue, small_library
from tests.cdss.test_access import PEOPLE, TABLE, Row, World, ask, media, url_names, world

__all__ = ["media", "run_queue", "small_library", "world"]

GO_ON = ("audit.", "accounts.session", "axes.", "locks.")
# What may be posted to a site that is read-only: signing in and out, the lock, and what stores nothing.
MAY_POST = {
    "accounts:sign_in", "accounts:sign_out", "account_login", "mfa_authenticate", "mfa_login_webauthn",
    "openid_connect_login", "locks:modes", "consultations:preview", "consultations:split", "teaching:lti_login",
    "teaching:lti_launch", "exchange:export",
}  # fmt: skip


@pytest.fixture
def site(world: World) -> World:
    """Everybody is signed in before the lock."""
    for person in PEOPLE:
        world.client(person)
    return world


@pytest.fixture(params=["by the setting", "by the page"])
def lock(request: pytest.FixtureRequest, settings: Any, administrator: User) -> Callable[[Mode], None]:
    def on(mode: Mode) -> None:
        if request.param == "by the setting":
            settings.LOCKED_MODES = [mode.value]
        else:
            mode_set(mode=mode, on=True, by=administrator)

    return on


def rows_of_the_site() -> dict[str, int]:
    return {
        model._meta.label: model.objects.count()
        for model in apps.get_models()
        if not model._meta.label.startswith(GO_ON)
    }


def writing() -> list[Row]:
    return [row for row in TABLE if row.method not in ("GET", "HEAD") and row.name not in MAY_POST]


@pytest.mark.parametrize("row", writing(), ids=str)
def test_read_only_refuses_every_route_that_writes(site: World, settings: Any, row: Row) -> None:
    settings.LOCKED_MODES = ["read-only"]
    before = rows_of_the_site()
    url = site.url(row.name, row.args)
    got = {person: ask(site, person, url, row.method, row.data) for person in PEOPLE}
    assert set(got.values()) <= {423, 302}
    assert {status for person, status in got.items() if person != "anonymous"} == {423}
    assert rows_of_the_site() == before


@pytest.mark.parametrize("row", [row for row in TABLE if row.method == "GET"], ids=str)
def test_read_only_leaves_every_page_as_it_is(site: World, settings: Any, row: Row) -> None:
    settings.LOCKED_MODES = ["read-only"]
    before = rows_of_the_site()
    got = {person: ask(site, person, site.url(row.name, row.args), row.method, row.data) for person in PEOPLE}
    assert got == dict(zip(PEOPLE, row.expected, strict=True))
    assert rows_of_the_site() == before


READ_ONLY_PAGES = {
    "consultations:start", "consultations:new", "consultations:detail", "consultations:list", "library:import",
    "library:case", "authoring:new", "authoring:edit", "feedback:list", "locks:modes", "accounts:me",
}  # fmt: skip


@pytest.mark.parametrize("row", [row for row in TABLE if row.method == "GET" and row.name in READ_ONLY_PAGES], ids=str)
def test_no_form_of_a_read_only_site_can_be_sent_that_fails(site: World, settings: Any, row: Row) -> None:
    settings.LOCKED_MODES = ["read-only"]
    for person in PEOPLE:
        answer = site.client(person).get(site.url(row.name, row.args))
        page = answer.content.decode()
        if answer.status_code != 200 or person == "anonymous":
            continue
        assert "This site is read-only at present" in page
        posted = re.findall(r'<form\b[^>]*method="post"[^>]*>(?!<fieldset class="closed" disabled>)', page)
        kept = r'action="/(?:accounts/sign-out|modes|library/export)/'
        assert row.name == "locks:modes" or [tag for tag in posted if not re.search(kept, tag)] == []
        assert page.count("<fieldset") == page.count("</fieldset>")
        if row.name in FORM_PAGES:
            assert ("<textarea" in page, 'type="file"' in page) == (False, False)
            assert "while the site is read-only" in page


def test_what_may_be_posted_is_there(db: None) -> None:
    assert set(url_names()) >= MAY_POST


def test_read_only_holds_in_the_database_itself(administrator: User, lock: Callable[[Mode], None]) -> None:
    search = SavedSearch.objects.create(user=administrator, name="x", filters={})
    lock(Mode.READ_ONLY)
    for write in (
        lambda: SavedSearch.objects.create(user=administrator, name="y", filters={}),
        lambda: SavedSearch.objects.update(name="z"),
        lambda: SavedSearch.objects.bulk_create([SavedSearch(user=administrator, name="y", filters={})]),
        search.delete,
    ):
        with pytest.raises(LockedError, match="read-only"), transaction.atomic():
            write()
    assert SavedSearch.objects.get().name == "x"


def test_one_still_signs_in_and_it_is_recorded(clinician: User, lock: Callable[[Mode], None]) -> None:
    lock(Mode.READ_ONLY)
    client = Client()
    client.post("/accounts/sign-in/", {"username": "clinician", "password": "wrong"})
    client.post("/accounts/sign-in/", {"username": "clinician", "password": "correct horse battery"})
    page = client.get("/")
    assert page.status_code == 200
    assert b"This site is read-only at present" in page.content
    client.post("/accounts/sign-out/")
    wanted = ["account.sign_in_failed", "account.signed_in", "consultation.listed", "account.signed_out"]
    assert [action for action in Event.objects.values_list("action", flat=True) if action != "lock.set"] == wanted


def test_a_refusal_is_a_page_and_is_recorded(client: Client, clinician: User, lock: Callable[[Mode], None]) -> None:
    client.force_login(clinician)
    lock(Mode.READ_ONLY)
    answer = client.post("/library/searches/", {"name": "x", "q": "nodule"})
    assert answer.status_code == 423
    assert b"nothing is changed" in answer.content
    event = Event.objects.filter(action="lock.refused").get()
    assert (event.actor, event.details["mode"], event.details["route"]) == (
        "clinician",
        "read-only",
        "library:search_save",
    )


WRITING_COMMANDS: dict[str, list[str]] = {
    "create_user": ["someone", "--role", "clinician"],
    "demo_passwords": [],
    "setup_site": [],
    "build_index": [],
    "align_encoders": [],
    "import_library": ["CASES"],
}


@pytest.mark.parametrize("command", sorted(WRITING_COMMANDS))
def test_read_only_refuses_commands_that_write(
    command: str, settings: Any, small_library: None, tmp_path: Path, clinician: User
) -> None:
    User.objects.create_user(username="demo-clinician")
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"id":"new","history":"a cough"}\n')
    settings.LOCKED_MODES = ["read-only"]
    before = rows_of_the_site()
    # A new site and a new index are things to write too.
    settings.INDEX_ROOT = tmp_path / "indexes"
    words = [str(cases) if word == "CASES" else word for word in WRITING_COMMANDS[command]]
    with pytest.raises(LockedError), transaction.atomic():
        call_command(command, *words)
    assert rows_of_the_site() == before


def test_the_worker_takes_nothing_from_the_queue(
    clinician: User, small_library: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOCKED_MODES = ["read-only"]
    ran: list[str] = []
    monkeypatch.setattr(
        "cdss.consultations.management.commands.worker.call_command", lambda name, **_: ran.append(name)
    )
    monkeypatch.setattr("cdss.consultations.management.commands.worker._warm", lambda: None)
    call_command("worker", batch=True)
    assert ran == []


# What tells of studies in words alone, or takes something away.
STUDIES_WITHOUT_PIXELS = {"upload_result", "upload_progress", "series_delete", "doubts", "mark_delete", "gsps", "sr"}


def _moves_pixels(namespace: str, pattern: Any) -> bool:
    if namespace == "studies:":
        return pattern.name not in STUDIES_WITHOUT_PIXELS
    return bool({"image", "frame", "doubt_crop"} & (set(pattern.pattern.converters) | {pattern.name}))


def image_routes(patterns: Any = None, namespace: str = "") -> Iterator[str]:
    for pattern in patterns or get_resolver().url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from image_routes(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
        elif _moves_pixels(namespace, pattern):
            yield f"{namespace}{pattern.name}"


def test_every_image_route_is_known() -> None:
    assert set(image_routes()) == IMAGE_ROUTES


@pytest.mark.parametrize("row", [row for row in TABLE if row.name in IMAGE_ROUTES], ids=str)
def test_text_only_serves_no_image(site: World, settings: Any, row: Row) -> None:
    settings.LOCKED_MODES = ["text-only"]
    got = {person: ask(site, person, site.url(row.name, row.args), row.method) for person in PEOPLE}
    assert {status for person, status in got.items() if person != "anonymous"} == {423}


def test_text_only_shows_no_image_on_any_page(site: World, settings: Any) -> None:
    settings.LOCKED_MODES = ["text-only"]
    for row in TABLE:
        if row.method == "GET" and row.name not in IMAGE_ROUTES:
            page = site.client("owner").get(site.url(row.name, row.args), row.data)
            body = b"" if page.streaming else page.content
            assert b"<img src" not in body, row
            assert b"locked to text" in body or page.status_code != 200 or b"<html" not in body, row


def test_text_only_takes_searches_and_encodes_no_image(
    client: Client, clinician: User, small_library: None, settings: Any, lock: Callable[[Mode], None], tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    library_case(clinician)
    lock(Mode.TEXT_ONLY)
    client.force_login(clinician)
    upload = io.BytesIO(files.good_png())
    upload.name = "x.png"
    answer = client.post("/consultations/new/", {"findings": "A nodule.", "images": [upload]})
    assert answer.status_code == 422
    assert b"locked to text" in answer.content
    assert not Consultation.objects.exists()
    with pytest.raises(IntakeError, match="locked to text"):
        image_intake(upload=PIXEL)

    class NoEncoder:
        version = preprocessing = "x"

        def encode(self, frames: Any) -> Any:
            pytest.fail("an image was encoded")

    assert embed_images(encoder=NoEncoder(), progress=lambda *_: None) == 0
    picture = tmp_path / "picture.png"
    picture.write_bytes(files.good_png())
    with pytest.raises(LockedError, match="locked to text"):
        call_command("search", image=picture, json=True)
    call_command("search", text="nodule with popcorn calcification", json=True)


DECODERS = (
    "retrieval.imaging.read_frames",
    "retrieval.sandbox.Pool.each",
    "retrieval.sandbox.Pool.run",
    "PIL.Image.open",
    "gzip.decompress",
)


def test_text_only_decodes_nothing_wherever_it_is_asked(
    clinician: User, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place that makes pixels of a stored file refuses by itself, whoever calls it."""
    settings.MEDIA_ROOT = tmp_path
    picture = tmp_path / "picture.png"
    picture.write_bytes(files.good_png())
    image = library_case(clinician).images.get()
    doubt = Doubt(name=image.file.name, owner=clinician, left=0, top=0, width=1, height=1, score=0.5, crop="")
    doubt.save()
    settings.LOCKED_MODES = ["text-only"]
    for name in DECODERS:
        monkeypatch.setattr(name, lambda *args, **kwargs: pytest.fail("an image was decoded"))
    asked: list[Callable[[], object]] = [
        lambda: stored_pixels(image),
        lambda: pixels_of_known(KnownImage("", "", stored=image)),
        lambda: pixels_of_known(KnownImage("", "", path=picture)),
        lambda: door.frames_of(picture),
        lambda: frame_pixels(image, 0, masked=False),
        lambda: thumbnail(image),
        lambda: screened([files.good_png()]),
        lambda: doubt_decide(doubt=doubt, keep=True, by=clinician),
        lambda: read_frame("nothing", 0, pixels="uint8", rows=1, columns=1),
    ]
    for ask_for in asked:
        with pytest.raises(LockedError, match="locked to text"):
            ask_for()
    assert Doubt.objects.filter(pk=doubt.pk).exists()


def test_text_only_evaluates_with_words_alone(
    clinician: User, small_library: None, settings: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings.MEDIA_ROOT = tmp_path
    case = library_case(clinician)
    Case.objects.filter(pk=case.pk).update(diagnosis="Hamartoma", findings="A nodule with popcorn calcification.")
    settings.LOCKED_MODES = ["text-only"]
    for name in DECODERS:
        monkeypatch.setattr(name, lambda *args, **kwargs: pytest.fail("an image was decoded"))
    for suite in ("images", "regions", "segmentation"):
        with pytest.raises(LockedError, match="locked to text"):
            call_command("evaluate", suite)
    call_command("evaluate", "differential", "--with-images", "--limit", "2", "--json")
    told = capsys.readouterr()
    assert "locked to text" in told.err
    assert json.loads(told.out)["configuration"]["with_images"] is False


def test_a_consultation_of_images_alone_is_not_answered(
    client: Client, clinician: User, small_library: None, run_queue: Any, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    row = answered_consultation(clinician, with_image=True)
    Consultation.objects.update(status=Status.FAILED, findings="")
    settings.LOCKED_MODES = ["text-only"]
    client.force_login(clinician)
    with run_queue():
        client.post(f"/consultations/{row.pk}/retry/")
    row.refresh_from_db()
    assert (row.status, "locked to text" in row.error) == (Status.FAILED, True)
    Consultation.objects.update(findings="A nodule with popcorn calcification.")
    with run_queue():
        client.post(f"/consultations/{row.pk}/retry/")
    row.refresh_from_db()
    assert row.status in (Status.DONE, Status.ABSTAINED)
    assert not row.evidence.exclude(image=None).exists()


def test_education_takes_no_case_but_one_of_the_library(
    client: Client, clinician: User, lock: Callable[[Mode], None], tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    case = library_case(clinician)
    old = answered_consultation(clinician)
    lock(Mode.EDUCATION)
    client.force_login(clinician)
    before = Consultation.objects.count()
    assert client.get("/consultations/new/").status_code == 423
    for url in ("new/", "preview/", "split/"):
        assert client.post(f"/consultations/{url}", {"findings": "A nodule.", "paste": "x"}).status_code == 423
    edited = client.post(
        f"/consultations/{old.pk}/again/", {"edited": "1", "findings": "Another man, 58, with a mass."}
    )
    assert edited.status_code == 423
    assert Consultation.objects.count() == before
    case.findings = "A nodule with popcorn calcification."
    case.save()
    assert client.post(f"/consultations/from-case/{case.pk}/").status_code == 302
    made = Consultation.objects.first()
    assert (made.library_case_id, made.findings, made.history) == (case.pk, case.findings, "")
    assert case.diagnosis not in str(made.__dict__)


def test_education_takes_no_import(client: Client, educator: User, settings: Any, tmp_path: Path) -> None:
    settings.LOCKED_MODES = ["education"]
    client.force_login(educator)
    assert client.post("/library/import/", {"collection": "New"}).status_code == 423
    cases = tmp_path / "cases.jsonl"
    cases.write_text(json.dumps({"id": "1", "findings": "A nodule."}))
    for command in (
        ["import_library", str(cases)],
        ["consult", "--input", str(cases), "--output", str(tmp_path / "o")],
    ):
        with pytest.raises(LockedError, match="education"):
            call_command(*command)


def test_a_case_does_not_find_itself(
    client: Client, clinician: User, small_library: None, run_queue: Any, settings: Any
) -> None:
    case = LibraryItem.objects.filter(kind="case").first().case
    client.force_login(clinician)
    with run_queue():
        client.post(f"/consultations/from-case/{case.pk}/")
    assert not Consultation.objects.get().evidence.filter(item_id=case.pk).exists()


def test_the_page_switches_and_the_setting_wins(client: Client, administrator: User, settings: Any) -> None:
    client.force_login(administrator)
    client.post("/modes/", {"mode": "education", "on": "yes"})
    assert is_locked(Mode.EDUCATION)
    assert b"locked to education" in client.get("/library/").content
    client.post("/modes/", {"mode": "education", "on": "no"})
    assert not is_locked(Mode.EDUCATION)
    assert list(Event.objects.values_list("action", flat=True).filter(action__startswith="lock.")) == [
        "lock.set",
        "lock.lifted",
    ]
    settings.LOCKED_MODES = ["education"]
    with pytest.raises(SetElsewhereError, match="CDSS_LOCKED_MODE"):
        mode_set(mode=Mode.EDUCATION, on=False, by=administrator)
    client.post("/modes/", {"mode": "education", "on": "no"})
    assert is_locked(Mode.EDUCATION)
    client.post("/modes/", {"mode": "superhuman", "on": "yes"})
    assert not SiteLock.objects.exists()


def test_read_only_can_be_switched_off_again(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    client.post("/modes/", {"mode": "read-only", "on": "yes"})
    assert client.post("/accounts/me/sessions/end/").status_code == 423
    client.post("/modes/", {"mode": "read-only", "on": "no"})
    assert client.post("/accounts/me/sessions/end/").status_code == 302


def test_commands_are_known_to_write_or_not() -> None:
    """The database refuses them either way; this list says which of them that concerns."""
    ours = {name for name, app in get_commands().items() if app.startswith("cdss")}
    assert set(WRITING_COMMANDS) <= ours
