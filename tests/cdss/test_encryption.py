"""What is stored of patients: unreadable in the database and on the disk, readable with the site's keys."""

import io
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from cdss import encryption, rotation
from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Statement
from cdss.consultations.reads import searched
from cdss.encryption import EncryptionError, Key, decrypt_bytes, decrypt_text, encrypt_bytes, encrypt_text
from cdss.feedback.models import Feedback
from cdss.field_migration import decrypting, encrypting
from cdss.library.image_files import image_bytes, write_image
from cdss.library.models import SavedSearch
from cdss.library.saved_searches import search_save
from cdss.notices.models import Notice
from cdss.notices.services import notify
from tests.cdss.cast import PIXEL, answered_consultation

SECRET = "Zebrafish nodule of the left lung"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: object) -> Iterator[Path]:
    settings.CDSS_HOME, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"  # type: ignore[attr-defined]
    encryption.forget_cached_keys()
    yield tmp_path
    encryption.forget_cached_keys()


ENCRYPTING = (("notices", "0004_encrypt_rows"), ("library", "0012_encrypt_rows"))


def raw(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")  # noqa: S608
        return [str(row[0]) for row in cursor.fetchall()]


def test_a_text_comes_back_and_is_never_the_same_twice() -> None:
    first, second = encrypt_text(SECRET), encrypt_text(SECRET)
    assert first != second
    assert SECRET not in first
    assert decrypt_text(first) == decrypt_text(second) == SECRET
    assert decrypt_bytes(encrypt_bytes(b"\0pixels")) == b"\0pixels"


def test_what_was_stored_before_is_read_as_it_is() -> None:
    assert decrypt_text("plain") == "plain"
    assert decrypt_text("enc1: is how some texts begin") == "enc1: is how some texts begin"
    assert decrypt_bytes(PIXEL) == PIXEL


def test_a_changed_value_is_refused() -> None:
    stored = encrypt_text(SECRET)
    with pytest.raises(EncryptionError, match="damaged"):
        decrypt_text(stored[:-6] + ("A" if stored[-6] != "A" else "B") + stored[-5:])
    with pytest.raises(EncryptionError, match="damaged"):
        decrypt_text(stored[:20] + "!")
    with pytest.raises(EncryptionError, match="damaged"):
        decrypt_bytes(encrypt_bytes(b"pixels")[:-1])


def test_the_key_file_is_for_its_owner_alone(site: Path) -> None:
    encrypt_text(SECRET)
    assert stat.S_IMODE((site / "data_keys").stat().st_mode) == 0o600


def test_a_lost_key_is_told_and_never_made_anew(site: Path) -> None:
    stored = encrypt_text(SECRET)
    kept = (site / "data_keys").read_text()
    (site / "data_keys").unlink()
    encryption.forget_cached_keys()
    with pytest.raises(EncryptionError, match="missing"):
        encrypt_text("more")
    with pytest.raises(EncryptionError, match="Put the file"):
        decrypt_text(stored)
    (site / "data_keys").write_text(f"{Key.new()}\n")
    encryption.forget_cached_keys()
    with pytest.raises(EncryptionError, match=stored[5:13]):
        decrypt_text(stored)
    (site / "data_keys").write_text(kept)
    encryption.forget_cached_keys()
    assert decrypt_text(stored) == SECRET


@pytest.mark.parametrize("keys", ["nonsense", "12345678:AAAA", ":" + "A" * 44, "1234567x:" + "A" * 43 + "="])
def test_keys_that_cannot_be_read_stop_the_site(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDSS_DATA_KEYS", keys)
    with pytest.raises(ImproperlyConfigured, match="CDSS_DATA_KEYS"):
        encrypt_text(SECRET)


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    monkeypatch.setenv("CDSS_DATA_KEYS", f"{Key.new()},{Key.new()}")
    assert decrypt_text(encrypt_text(SECRET)) == SECRET
    assert not (site / "data_keys").exists()
    with pytest.raises(EncryptionError, match="CDSS_DATA_KEYS"):
        encryption.keys_store((Key.new(),))


def test_many_threads_make_one_key(site: Path) -> None:
    stored: list[str] = []
    threads = [threading.Thread(target=lambda: stored.append(encrypt_text(SECRET))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    encryption.forget_cached_keys()
    assert {decrypt_text(each) for each in stored} == {SECRET}


@pytest.mark.django_db
def test_the_database_does_not_hold_the_case(clinician: User) -> None:
    consultation = answered_consultation(clinician)
    Consultation.objects.filter(pk=consultation.pk).update(history=SECRET)
    consultation.refresh_from_db()
    consultation.understood = [{"text": SECRET}]
    consultation.save()
    Feedback.objects.create(
        consultation=consultation, user=clinician, role="clinician", verdict="wrong", comment=SECRET
    )
    for column in ("history", "findings", "understood", "corrections", "gamuts", "abstention"):
        assert all(value.startswith("enc1:") for value in raw("consultations_consultation", column))
    assert all(value.startswith("enc1:") for value in raw("feedback_feedback", "comment"))
    assert all(value.startswith("enc1:") for value in raw("consultations_statement", "text"))
    read = Consultation.objects.get()
    assert (read.history, read.understood, read.exam) == (SECRET, [{"text": SECRET}], "")
    assert Consultation.objects.values_list("history", flat=True).get() == SECRET
    assert Statement.objects.get().text == "Popcorn calcification was seen."


@pytest.mark.django_db
def test_what_cannot_be_searched_says_so(clinician: User) -> None:
    answered_consultation(clinician)
    with pytest.raises(FieldError, match="encrypted"):
        Consultation.objects.filter(history__icontains="x").exists()
    with pytest.raises(FieldError, match="encrypted"):
        Consultation.objects.filter(history="x").exists()
    assert Consultation.objects.filter(exam="").exists()
    assert not Consultation.objects.exclude(findings="").filter(exam__isnull=True).exists()


@pytest.mark.django_db
def test_consultations_are_still_found_by_their_words(clinician: User) -> None:
    consultation = answered_consultation(clinician)
    rows = Consultation.objects.for_user(clinician)
    assert searched(rows, {"q": "POPCORN calc"}).get() == consultation
    assert not searched(rows, {"q": "popcorn zebra"}).exists()


@pytest.mark.django_db
def test_images_are_encrypted_and_served_as_they_were(client: Client, clinician: User, site: Path) -> None:
    consultation = answered_consultation(clinician)
    name = write_image(folder="consultations", pngs=[PIXEL])
    row = consultation.images.create(file=name, width=1, height=1, sha256="0" * 64)
    stored = site / "media" / name
    assert stored.read_bytes().startswith(b"CDSSENC1")
    assert image_bytes(stored) == PIXEL
    client.force_login(clinician)
    response = client.get(reverse("consultations:image", args=[consultation.pk, row.pk]))
    assert response.content == PIXEL
    assert response["Cache-Control"] == "private, max-age=3600"
    (site / "data_keys").unlink()
    encryption.forget_cached_keys()
    response = client.get(reverse("consultations:image", args=[consultation.pk, row.pk]))
    assert response.status_code == 503
    assert b"stored encrypted" in response.content


@pytest.mark.django_db
def test_rotation_brings_rows_and_files_under_a_new_key(clinician: User, site: Path) -> None:
    consultations = [answered_consultation(clinician) for _ in range(5)]
    name = write_image(folder="consultations", pngs=[PIXEL, PIXEL])
    consultations[0].images.create(file=name, width=1, height=1, frames=2, sha256="0" * 64)
    old = encryption.current_key().id
    out = io.StringIO()
    call_command("rotate_keys", "--forget-old", "--batch", "2", "--json", stdout=out)
    done = json.loads(out.getvalue())
    assert done["key"] != old
    assert done["files"] == 2
    assert done["forgotten"] == 1
    assert all(done["key"] in value for value in raw("consultations_consultation", "findings"))
    assert not any(old in value for value in raw("consultations_consultation", "understood"))
    assert old not in (site / "data_keys").read_text()
    assert Consultation.objects.first().findings == "A nodule with popcorn calcification."
    assert image_bytes(site / "media" / name) == PIXEL


@pytest.mark.django_db
def test_an_interrupted_rotation_goes_on(clinician: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        answered_consultation(clinician)
    rows, calls = rotation._rows, []

    def stopping(*args: object) -> int:
        calls.append(args)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return rows(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rotation, "_rows", stopping)
    with pytest.raises(KeyboardInterrupt):
        rotation.keys_rotate(batch=1)
    monkeypatch.setattr(rotation, "_rows", rows)
    assert {each.findings for each in Consultation.objects.all()} == {"A nodule with popcorn calcification."}
    key = encryption.current_key().id
    with pytest.raises(EncryptionError, match="--continue"):
        rotation._forget_old()
    done = rotation.keys_rotate(new=False, forget_old=True)
    assert (done.key, done.forgotten) == (key, 1)
    assert rotation.keys_rotate(new=False).rows == 0


@pytest.mark.django_db
def test_rotation_encrypts_what_was_not(clinician: User, settings: object) -> None:
    settings.ENCRYPTION = False  # type: ignore[attr-defined]
    answered_consultation(clinician)
    assert raw("consultations_consultation", "findings") == ["A nodule with popcorn calcification."]
    settings.ENCRYPTION = True  # type: ignore[attr-defined]
    assert rotation.keys_rotate(new=False).rows > 0
    assert raw("consultations_consultation", "findings")[0].startswith("enc1:")


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(CommandError, match="--batch"):
        call_command("rotate_keys", "--batch", "0")


@pytest.mark.django_db
def test_the_migration_encrypts_and_gives_back(clinician: User, settings: object) -> None:
    settings.ENCRYPTION = False  # type: ignore[attr-defined]
    for _ in range(3):
        answered_consultation(clinician)
    before = raw("consultations_consultation", "findings")
    settings.ENCRYPTION = True  # type: ignore[attr-defined]
    columns = {"consultations_consultation": ("findings", "understood", "exam")}
    editor = type("Editor", (), {"connection": connection})
    encrypting(columns)(None, editor)
    assert all(value.startswith("enc1:") for value in raw("consultations_consultation", "findings"))
    assert raw("consultations_consultation", "exam") == ["", "", ""]
    encrypting(columns)(None, editor)
    assert Consultation.objects.first().findings == before[0]
    decrypting(columns)(None, editor)
    assert raw("consultations_consultation", "findings") == before


def test_no_key_is_in_the_environment_of_the_tests() -> None:
    assert not os.environ.get("CDSS_DATA_KEYS")


def test_every_field_with_case_text_is_encrypted(make_user: Callable[..., User]) -> None:
    named = {model._meta.label: set(fields) for model, fields in rotation.encrypted_models()}
    assert {"history", "exam", "findings", "corrections", "understood", "gamuts", "abstention"} <= named[
        "consultations.Consultation"
    ]
    assert named["consultations.Statement"] == {"text"}
    assert {"comment", "final_diagnosis"} <= named["feedback.Feedback"]
    assert named["notices.Notice"] == {"text"}
    assert named["library.SavedSearch"] == {"name", "filters"}


@pytest.mark.django_db
def test_notices_and_saved_searches_are_encrypted_rotated_and_given_back(clinician: User, settings: object) -> None:
    settings.ENCRYPTION = False  # type: ignore[attr-defined]
    notify(kind="case", recipients=[clinician], text="About case 7.", path="/", key="a")
    search_save(by=clinician, name="Of Monday", filters={"q": "A-4711 nodule"})
    settings.ENCRYPTION = True  # type: ignore[attr-defined]
    stored = [("notices_notice", "text"), ("library_savedsearch", "name"), ("library_savedsearch", "filters")]
    plain = [raw(*column) for column in stored]
    assert plain == [["About case 7."], ["Of Monday"], ['{"q": "A-4711 nodule"}']]
    editor = type("Editor", (), {"connection": connection})
    steps = [import_module(f"cdss.{app}.migrations.{name}").Migration.operations[0] for app, name in ENCRYPTING]
    for step in steps:
        step.code(None, editor)
    assert all(value.startswith("enc1:") for column in stored for value in raw(*column))
    assert rotation.keys_rotate().rows >= 2
    assert all(value.startswith(f"enc1:{rotation.current_key().id}:") for column in stored for value in raw(*column))
    assert Notice.objects.get().text == "About case 7."
    kept = SavedSearch.objects.get()
    assert (kept.name, kept.filters) == ("Of Monday", {"q": "A-4711 nodule"})
    for step in steps:
        step.reverse_code(None, editor)
    assert [raw(*column) for column in stored] == plain
