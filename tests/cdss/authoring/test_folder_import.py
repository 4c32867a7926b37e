"""A folder of cases: the same look and the same report as a file, on the page and by the command."""

import io
import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.authoring.models import PlannedImport
from cdss.library.models import Case, CaseImage, Collection
from tests.cdss.authoring.conftest import png

pytestmark = pytest.mark.django_db
LINES = [
    {"id": "1", "title": "One", "findings": "A nodule.", "images": [{"path": "images/a.png"}]},
    {"id": "2", "title": "Two", "findings": "A cyst.", "images": [{"path": "images/gone.png"}]},
    {"id": "3"},
]
TABLE = "".join(f"{json.dumps(line)}\n" for line in LINES).encode()
FILES = {"library/cases.jsonl": TABLE, "library/images/a.png": png(1), "library/notes.txt": b"Nothing."}
MANY = {"collection": "From a folder", "visibility": "private"}


def sent(client: Client, files: dict[str, bytes], names: object = None) -> object:
    uploads = [SimpleUploadedFile(name.rpartition("/")[2] or "x", data) for name, data in files.items()]
    said = json.dumps(list(files)) if names is None else names
    return client.post("/authoring/import/", MANY | {"folder": uploads, "names": said})


def test_a_folder_is_looked_at_then_imported(client: Client, educator: User) -> None:
    client.force_login(educator)
    answer = sent(client, FILES)
    row = PlannedImport.objects.get()
    assert answer.url == f"/authoring/import/{row.pk}/"  # type: ignore[attr-defined]
    assert [line["change"] for line in row.plan] == ["created", "created", "skipped"]
    assert row.plan[0]["images"] == 1
    assert "gone.png" in row.plan[1]["problems"][0]
    assert not Case.objects.exists()
    assert "library" in client.get(f"/authoring/import/{row.pk}/").content.decode()
    client.post(f"/authoring/import/{row.pk}/")
    row.refresh_from_db()
    assert row.report["cases"] == 2
    assert (Case.objects.filter(owner=educator).count(), CaseImage.objects.count()) == (2, 1)
    assert Event.objects.filter(action="import.planned", actor=educator.username).exists()


@pytest.mark.parametrize(
    "names",
    ["", "no JSON", "[]", '["a"]', '[1, 2, 3]', "[" * 5000, '["../a", "x/b", "x/c"]', '["x/../../a", "x/b", "x/c"]',
     '["/etc/a", "x/b", "x/c"]', '["x/a", "x/a", "x/a"]', '["a", "b", "c"]',
     json.dumps(["x/" * 40 + "a", "x/b", "x/c"]),
     '["x\\\\..\\\\a", "x/b", "x/c"]'],
)  # fmt: skip
def test_names_that_are_none_of_a_folder(client: Client, educator: User, tmp_path: Path, names: str) -> None:
    client.force_login(educator)
    answer = sent(client, FILES, names)
    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert not PlannedImport.objects.exists()
    assert not [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]


@pytest.mark.parametrize("files", [{}, {"x/empty.txt": b""}, {"x/a.txt": b"text"}, {"x/cases.jsonl": b"\0\xff" * 99}])
def test_a_folder_without_a_case(client: Client, educator: User, files: dict[str, bytes]) -> None:
    client.force_login(educator)
    sent(client, files)
    assert not any(line["change"] == "created" for row in PlannedImport.objects.all() for line in row.plan)
    assert not Case.objects.exists()


def looked_at(*arguments: object) -> tuple[int, dict[str, object]]:
    out, code = io.StringIO(), 0
    try:
        call_command("import_library", *map(str, arguments), "--dry-run", "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        code = error.returncode
    return code, json.loads(out.getvalue() or "{}")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    table = tmp_path / "library" / "cases.jsonl"
    code, said = looked_at(table, "--collection", "New")
    assert (code, said["created"], said["skipped"]) == (0, 2, 1)
    assert not Case.objects.exists()
    assert not Collection.objects.filter(name="New").exists()
    assert not Event.objects.filter(action__startswith="library.import").exists()
    call_command("import_library", str(table), "--collection", "New", "--trust-pixels", stderr=io.StringIO())
    code, said = looked_at(table, "--collection", "New")
    assert (said["created"], said["unchanged"]) == (0, 2)


ODD: list[dict[str, object]] = [
    *({"age": age} for age in (-5, "-5", 400, "NaN", True, [], {}, 0, 58.5, "adult", "6 months", "x" * 200)),
    *({"sex": sex} for sex in (1, True, {}, "alien", "x" * 200)),
    *({"difficulty": said} for said in ("hardest", 3, None)),
    *({"history": said} for said in (None, {}, "", "\x00")),
    *({"differential": said} for said in (3, [1], "a; b", [])),
    *({"synthetic": said} for said in ("yes", 1, True)),
    *({"images": said} for said in ({}, [1], [{}], [{"path": "gone.png"}], [{"path": "a", "modality": {}}])),
    *({"source": said} for said in (5, [], "here", {"name": {}})),
    *({name: "x" * 3000} for name in ("title", "diagnosis", "topic", "category", "licence")),
    *({"references": said} for said in ("x", [1], [{"text": 5}])),
    {"id": ""},
    {"id": {}},
]


def test_a_dry_run_leaves_out_what_the_import_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    whole = {"history": "cough", "findings": "nodule", "diagnosis": "Gout"}
    path.write_text("\n".join(json.dumps({"id": f"n{n}"} | whole | odd) for n, odd in enumerate(ODD)))
    lines = looked_at(path, "--collection", "New")[1]["rows"]
    planned = {line["line"]: line["change"] == "created" for line in lines}  # type: ignore[attr-defined]
    call_command("import_library", str(path), "--collection", "New", stdout=io.StringIO(), stderr=io.StringIO())
    stored = set(Case.objects.values_list("source_id", flat=True))
    assert planned == {n: f"n{n - 1}" in stored for n in range(1, len(ODD) + 1)}
    assert [planned[n] for n in (1, 2, 3, 4)] == [False] * 4
    assert "age: expected years from 0 to 130" in lines[0]["why"]  # type: ignore[index]


def test_a_dry_run_of_documents_and_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text(json.dumps({"id": "1", "kind": "guideline", "title": "A guideline", "text": "Do this."}) + "\n")
    assert looked_at(path)[1]["created"] == 1
    path.write_text(json.dumps({"id": "1", "kind": "guideline", "title": "A guideline", "text": " "}) + "\n")
    assert looked_at(path)[0] == 2
    assert looked_at("hpo")[0] == 2
