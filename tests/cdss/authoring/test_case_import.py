"""Many cases at once: what would come of each is shown before anything is written."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.authoring.case_import import counts_of, import_plan, import_run
from cdss.authoring.models import PlannedImport
from cdss.authoring.services import AuthoringError
from cdss.library.models import Case, Collection, LibraryItem, State
from cdss.library.services import case_state_set
from tests.cdss.authoring.conftest import png

CASES = [
    {"id": "1", "title": "One", "findings": "Seen by Dr. John Smith: a nodule.", "images": [{"path": "a.png"}]},
    {"id": "2", "title": "Two", "findings": "A mass.", "images": [{"path": "missing.png"}]},
    {"id": "3", "title": "Three", "age": 7, "images": "none"},
    {"title": "Without an id"},
    {"id": "5"},
]


def zipped(cases: list[dict[str, Any]], name: str = "cases.zip", **files: bytes) -> SimpleUploadedFile:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("set/cases.jsonl", "\n".join(map(json.dumps, cases)))
        archive.writestr("set/a.png", png(1))
        for inside, content in files.items():
            archive.writestr(inside, content)
    return SimpleUploadedFile(name, made.getvalue())


def plan(by: User, upload: SimpleUploadedFile | None = None) -> PlannedImport:
    return import_plan(upload=upload or zipped(CASES), collection="Set", visibility="private", by=by)


def test_a_plan_writes_nothing_and_says_why(educator: User, media: Path) -> None:
    planned = plan(educator)
    assert not LibraryItem.objects.exists()
    assert not Collection.objects.exists()
    assert not (media / "media").exists()
    assert counts_of(planned.plan) == {"created": 2, "updated": 0, "unchanged": 0, "skipped": 3}
    first, second, *rest = planned.plan
    assert (first["images"], first["removed"] > 0) == (1, True)
    assert "missing.png" in second["problems"][0]
    assert all(line["why"] for line in rest)
    assert "Smith" not in str(planned.plan)


def test_the_import_does_what_was_planned_once(educator: User, media: Path) -> None:
    planned = import_run(planned=plan(educator), by=educator)
    assert planned.report["cases"] == counts_of(planned.plan)["created"]
    assert len(planned.report["skipped"]) == 4
    assert set(Case.objects.values_list("state", "owner", "visibility")) == {(State.DRAFT, educator.pk, "private")}
    assert not list((media / "uploads").glob("*/*"))
    with pytest.raises(AuthoringError, match="already"):
        import_run(planned=planned, by=educator)


def test_what_is_there_stays_or_is_updated(educator: User) -> None:
    import_run(planned=plan(educator), by=educator)
    changed = [CASES[0] | {"findings": "Another nodule."}, CASES[1]]
    again = plan(educator, zipped(changed))
    assert [line["change"] for line in again.plan] == ["updated", "unchanged"]
    Case.objects.filter(source_id="1").update(authored_here=True)
    case_state_set(case=Case.objects.get(source_id="2"), state=State.RETIRED, by=educator)
    assert [line["change"] for line in plan(educator, zipped(changed)).plan] == ["unchanged", "unchanged"]


def test_what_belongs_to_somebody_else_is_left_out(educator: User, second: User) -> None:
    import_run(planned=plan(educator), by=educator)
    assert {line["change"] for line in plan(second).plan} == {"skipped"}


@pytest.mark.parametrize(
    "upload",
    [
        SimpleUploadedFile("cases.zip", b"PK\x03\x04 broken"),
        SimpleUploadedFile("cases.zip", b""),
        SimpleUploadedFile("cases.bin", b"\0\1\2"),
        SimpleUploadedFile("cases.jsonl", b"\n\n"),
    ],
    ids=["broken", "empty", "unknown", "no rows"],
)
def test_what_cannot_be_read_is_refused_and_not_kept(educator: User, media: Path, upload: SimpleUploadedFile) -> None:
    with pytest.raises(AuthoringError):
        plan(educator, upload)
    assert not list((media / "uploads").glob("*/*"))


def test_two_tables_in_one_zip_are_refused(educator: User) -> None:
    with pytest.raises(AuthoringError, match="2 files"):
        plan(educator, zipped(CASES, **{"other.jsonl": b'{"id":"9","history":"x"}'}))


def test_a_zip_that_leads_out_is_refused(educator: User, media: Path) -> None:
    with pytest.raises(AuthoringError):
        plan(educator, zipped(CASES, **{"../../escaped.jsonl": b"{}"}))
    assert not (media / "escaped.jsonl").exists()


def test_images_with_labels(educator: User) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("labels.csv", "path,label\na.png,Hamartoma\n")
        archive.writestr("a.png", png(3))
    planned = plan(educator, SimpleUploadedFile("labelled.zip", made.getvalue()))
    assert counts_of(planned.plan)["created"] == 1
    import_run(planned=planned, by=educator)
    assert Case.objects.get().diagnosis == "Hamartoma"


def test_by_the_pages(client: Client, educator: User, make_user: Any) -> None:
    client.force_login(educator)
    said = {"file": zipped(CASES), "collection": "Set", "visibility": "private"}
    page = client.post("/authoring/import/", said, follow=True)
    assert "2 would be created" in page.content.decode()
    path = page.request["PATH_INFO"]
    client.force_login(make_user("other", Role.EDUCATOR))
    assert client.get(path).status_code == client.post(path).status_code == 404
    client.force_login(educator)
    assert "2 cases created" in client.post(path, follow=True).content.decode()


def test_a_case_that_stands_twice_in_a_file_is_announced_as_it_will_be(educator: User) -> None:
    twice = [
        {"id": "1", "findings": "A nodule."},
        {"id": "2", "findings": "A mass."},
        {"id": "1", "findings": "A cyst."},
    ]
    planned = plan(educator, zipped(twice))
    assert counts_of(planned.plan) == {"created": 2, "updated": 1, "unchanged": 0, "skipped": 0}
    assert planned.plan[2]["why"] == "It stands on line 1 too: this one takes its place."
    report = import_run(planned=planned, by=educator).report
    assert report is not None
    assert (report["cases"], report["updated"]) == (2, 1)
    assert Case.objects.get(source_id="1").findings == "A cyst."


def test_nothing_to_import_offers_no_button(client: Client, educator: User) -> None:
    client.force_login(educator)
    planned = plan(educator, zipped([{"title": "Without an id"}, {"id": "5"}]))
    page = client.get(f"/authoring/import/{planned.pk}/").content.decode()
    assert "2 left out" in page
    assert "Import 0" not in page
    assert "Another file" in page


def test_what_is_no_file_of_cases_is_told_what_would_be_one(client: Client, educator: User) -> None:
    client.force_login(educator)
    sent = {"file": SimpleUploadedFile("notes.docx", b"PK\x03\x04zz"), "collection": "Set", "visibility": "private"}
    page = client.post("/authoring/import/", sent).content.decode()
    assert "notes.docx: the format was not recognised. What can be imported here: case JSON lines" in page
    assert "gamuts" not in page
