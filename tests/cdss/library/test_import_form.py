import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django_tasks import default_task_backend

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library import import_views, uploads
from cdss.library.models import Case, LibraryItem, State, Visibility
from cdss.library.tasks import import_in_background
from cdss.waiting import folder
from tests.cdss.library.conftest import files_in

ROW = {"id": "1", "history": "Seen by Dr. Roe.", "diagnosis": "Hamartoma"}
DATABASE_QUEUE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}


@pytest.fixture
def as_educator(client: Client, educator: User) -> Client:
    client.force_login(educator)
    return client


def post(client: Client, content: bytes | None = None, name: str = "cases.jsonl", **fields: str):
    upload = SimpleUploadedFile(name, content if content is not None else json.dumps(ROW).encode())
    values = {"collection": "Mine", "format": "auto", "visibility": "private"} | fields
    return client.post(reverse("library:import"), values | {"file": upload})


def test_a_small_file_is_imported_at_once(as_educator: Client, educator: User) -> None:
    response = post(as_educator)
    assert "1 case, 0 documents" in response.content.decode()
    case = Case.objects.get()
    assert (case.owner, case.visibility, case.state) == (educator, Visibility.PRIVATE, State.DRAFT)
    assert case.history == "Seen by Dr. [name]."
    assert Event.objects.get(action="library.imported").actor == "educator"


def test_the_upload_is_not_kept(as_educator: Client) -> None:
    post(as_educator)
    post(as_educator, b"\x00", "strange.bin")
    assert files_in(folder()) == []


@pytest.mark.parametrize("name", ["../../evil.jsonl", "/etc/passwd.jsonl", ".jsonl", "a b\u202e<script>.jsonl"])
def test_a_name_cannot_lead_elsewhere(as_educator: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Path] = []
    hold = uploads.hold
    monkeypatch.setattr(uploads, "hold", lambda upload: held.append(hold(upload)) or held[-1])
    post(as_educator, name=name)
    assert held[0].parent.parent == folder()


def test_bad_rows_are_told(as_educator: Client) -> None:
    html = post(as_educator, b'{"id": "1", "history": "x"}\n{broken\n').content.decode()
    assert "1 case" in html
    assert "not JSON" in html


def test_a_file_of_no_known_format_is_told_without_its_place(as_educator: Client) -> None:
    html = post(as_educator, b"\x00\x01", "strange.bin").content.decode()
    assert "the format was not recognised" in html
    assert str(folder()) not in html


def test_a_file_that_is_too_large_is_refused(as_educator: Client, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    assert "larger than" in post(as_educator).content.decode()
    assert not LibraryItem.objects.exists()


def test_one_cannot_take_over_what_belongs_to_someone_else(client: Client, make_user, educator: User) -> None:
    client.force_login(educator)
    post(client)
    client.force_login(make_user("other", "educator"))
    html = post(client, json.dumps(ROW | {"history": "mine now"}).encode()).content.decode()
    assert "belongs to someone else" in html
    assert Case.objects.get().owner == educator


def test_a_large_file_is_left_to_the_worker(as_educator: Client, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TASKS = DATABASE_QUEUE
    monkeypatch.setattr(import_views, "INLINE_BYTES", 10)
    response = post(as_educator)
    assert response.status_code == 302
    assert "is being imported" in as_educator.get(response.url).content.decode()
    row = default_task_backend.get_result(response.url.rstrip("/").split("/")[-1])
    arguments = row.args
    outcome = import_in_background.call(*arguments)
    assert outcome["cases"] == 1
    row.db_result.claim("worker")
    row.db_result.set_successful(outcome)
    assert "1 case, 0 documents" in as_educator.get(response.url).content.decode()
    assert files_in(folder()) == []


def test_only_its_owner_sees_an_import(client: Client, make_user, educator: User, settings, monkeypatch) -> None:
    settings.TASKS = DATABASE_QUEUE
    monkeypatch.setattr(import_views, "INLINE_BYTES", 10)
    client.force_login(educator)
    url = post(client).url
    client.force_login(make_user("other", "educator"))
    assert client.get(url).status_code == 404
    assert client.get(reverse("library:import_result", args=[uuid4()])).status_code == 404
