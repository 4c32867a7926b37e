"""The same by the command line: exit code 2 or 1, one clear line, and what stood in the output file stays."""

import errno
import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from cdss.indexing.models import IndexVersion
from cdss.library.models import Case
from tests.cdss.bad_input import files
from tests.cdss.bad_input.conftest import Trace

GOOD = {"id": "good", "history": "A cough.", "findings": "A nodule with popcorn calcification in the left lung."}
BAD_ROWS = {
    "{broken": "not JSON",
    "[" * 100_000: "nested too deeply",
    "[1]": "expected an object",
    "null": "expected an object",
    '{"history": "x"}': "id: there is none",
    '{"id": null, "history": "x"}': "id: there is none",
    '{"id": ["a"], "history": "x"}': "id: expected a text or a whole number",
    '{"id": "1", "history": {"a": 1}}': "history: expected a text",
    '{"id": "1", "history": "x", "images": "a.png"}': "images: expected a list",
    '{"id": "1", "history": "x", "images": [null]}': "images: expected a list",
    '{"id": "1", "history": "x", "images": [{"path": "../../etc/passwd"}]}': "lies outside the folder",
    '{"id": "1", "history": "x", "images": [{"path": "/etc/passwd"}]}': "lies outside the folder",
    '{"id": "1", "history": "x", "images": [{"path": "none.png"}]}': "none.png: not found",
    '{"id": "1", "history": "x", "images": [{"path": "huge.png"}]}': "huge.png: This image is 30,000 × 30,000",
    '{"id": "1", "history": "x", "source": [1]}': "source: expected an object",
}


def run(command: str, **options: Any) -> tuple[str, int]:
    """What was said, and the exit code."""
    error = StringIO()
    try:
        call_command(command, stderr=error, stdout=StringIO(), **options)
    except CommandError as raised:
        return f"{error.getvalue()}{raised}", raised.returncode
    return error.getvalue(), 0


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """An output file of an earlier run."""
    (tmp_path / "out.jsonl").write_text("earlier\n")
    return tmp_path / "out.jsonl"


def test_broken_rows_in_the_middle_are_named_and_the_others_answered(
    small_library: None, traces: Callable[[], Trace], tmp_path: Path, before: Path
) -> None:
    (tmp_path / "huge.png").write_bytes(files.huge_png())
    unicode_line_break = json.dumps(GOOD | {"id": "last", "history": "A cough.\u2028Fever."}, ensure_ascii=False)
    long = json.dumps(GOOD | {"id": "long", "history": "x" * 1_000_000})
    lines = [json.dumps(GOOD), *BAD_ROWS, json.dumps({"id": "empty"}), long, unicode_line_break]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    stored = traces()
    said, code = run("consult", input=tmp_path / "in.jsonl", output=before)
    assert code == 1
    for number, reason in enumerate(BAD_ROWS.values(), start=2):
        line = next(line for line in said.splitlines() if line.startswith(f"line {number}: "))
        assert reason in line
    answers = {row["id"]: row for row in map(json.loads, before.read_text().splitlines())}
    assert list(answers) == ["good", "empty", "long", "last"]
    assert "The case is empty" in answers["empty"]["abstention"]["message"]
    assert "at most 40,000" in answers["long"]["abstention"]["message"]
    assert traces() == stored


@pytest.mark.parametrize("command", ["consult", "check_claims"])
@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [("in.jsonl", bytes(range(256)) * 9, "is left as it was"), ("none.jsonl", b"", "cannot be read: No such file")],
)
def test_an_input_that_is_none_leaves_the_output_as_it_was(
    db: None, tmp_path: Path, before: Path, command: str, name: str, data: bytes, expected: str
) -> None:
    (tmp_path / "in.jsonl").write_bytes(data)
    said, code = run(command, input=tmp_path / name, output=before)
    assert (expected in said, code) == (True, 2)
    assert before.read_text() == "earlier\n"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("command", ["consult", "check_claims", "search"])
def test_an_answer_does_not_take_the_place_of_its_question(db: None, tmp_path: Path, command: str) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(GOOD))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "in.jsonl")
    for name in ("in.jsonl", "link.jsonl"):
        said, code = run(command, input=tmp_path / "in.jsonl", output=tmp_path / name)
        assert ("is the file of --input" in said, code) == (True, 2)
    assert json.loads((tmp_path / "in.jsonl").read_text()) == GOOD


QUESTIONS = {
    "check_claims": {"id": "a", "claim": "A größer nodule.", "passage": "A größer nodule."},
    "search": {"id": "a", "text": "größer"},
}


@pytest.mark.parametrize("command", sorted(QUESTIONS))
def test_bytes_of_another_encoding_are_no_text_and_a_byte_order_mark_is_none(
    small_library: None, tmp_path: Path, before: Path, command: str
) -> None:
    line = json.dumps(QUESTIONS[command], ensure_ascii=False)
    (tmp_path / "in.jsonl").write_text(line, encoding="latin-1")
    said, code = run(command, input=tmp_path / "in.jsonl", output=before)
    assert ("not UTF-8 text" in said, code, before.read_text()) == (True, 2, "earlier\n")
    (tmp_path / "in.jsonl").write_text(line, encoding="utf-8-sig")
    assert run(command, input=tmp_path / "in.jsonl", output=before) == ("", 0)
    assert json.loads(before.read_text())["id"] == "a"


@pytest.mark.parametrize("command", ["consult", "check_claims", "export_feedback"])
@pytest.mark.parametrize("place", [".", "/proc/nowhere/out.jsonl"])
def test_an_output_that_cannot_be_written_is_told_before_any_work(
    traces: Callable[[], Trace], tmp_path: Path, command: str, place: str
) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(GOOD))
    stored = traces()
    options: dict[str, Any] = {"format": "csv"} if command == "export_feedback" else {"input": tmp_path / "in.jsonl"}
    said, code = run(command, output=tmp_path / place, **options)
    assert ("cannot be written" in said, code) == (True, 2)
    assert traces() == stored


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"llm": "nonsense"}, "write openai:MODEL"),
        ({"llm": "llamacpp:/none.gguf"}, "does not exist"),
        ({"llm": "openai:any", "llm_timeout": 0}, "--llm-timeout 0"),
    ],
)
def test_a_language_model_that_cannot_work_is_told_before_the_first_case(
    db: None, tmp_path: Path, before: Path, options: dict[str, Any], expected: str
) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(GOOD))
    said, code = run("consult", input=tmp_path / "in.jsonl", output=before, **options)
    assert (expected in said, code) == (True, 2)
    assert before.read_text() == "earlier\n"


def test_days_that_do_not_follow_each_other_are_no_export(traces: Callable[[], Trace], tmp_path: Path) -> None:
    before = traces()
    with pytest.raises(CommandError, match="--since is after --until"):
        call_command("export_feedback", format="csv", since="2026-02-01", until="2026-01-01", output=tmp_path / "f.csv")
    with pytest.raises(CommandError, match="No account is called 'nobody'"):
        call_command("export_feedback", format="csv", user="nobody", output=tmp_path / "f.csv")
    assert traces() == before
    assert not (tmp_path / "f.csv").exists()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("none.jsonl", {}, "there is no such file"),
        ("folder", {"format": "cases"}, "this is a folder"),
        ("folder", {"format": "images"}, "there is no labels.csv"),
        ("good.jsonl", {"collection": " "}, "write a name of 1 to 120"),
        ("good.jsonl", {"collection": "x" * 121}, "write a name of 1 to 120"),
        ("empty.jsonl", {}, "Nothing was imported"),
        ("scan.pdf", {}, "run OCR first"),
        ("bomb.zip", {}, "far larger inside than outside"),
    ],
)
def test_an_import_of_nothing_makes_no_collection(
    traces: Callable[[], Trace], tmp_path: Path, name: str, options: dict[str, str], expected: str
) -> None:
    (tmp_path / "folder").mkdir()
    for other, data in {
        "good.jsonl": json.dumps(GOOD).encode(), "empty.jsonl": b"", "scan.pdf": files.pdf_without_text(),
        "bomb.zip": files.zip_bomb(),
    }.items():  # fmt: skip
        (tmp_path / other).write_bytes(data)
    before = traces()
    error = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("import_library", str(tmp_path / name), stderr=error, stdout=StringIO(), **options)
    assert expected in f"{error.getvalue()}{raised.value}"
    assert raised.value.returncode == 2
    after = traces()
    assert after.pop("audit.Event") - before.pop("audit.Event") in (0, 1)  # type: ignore[operator]
    assert after == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"text": " "}, "The query is empty"),
        ({"text": "nodule", "k": -1}, "k=-1"),
        *[({"image": name}, expected) for name, (_, expected) in files.images().items() if name != "bomb.zip"],
        ({"image": "none.png"}, "cannot be opened"),
    ],
)
def test_a_search_for_nothing(small_library: None, tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    for name, (data, _) in files.images().items():
        (tmp_path / name).write_bytes(data)
    if "image" in options:
        options = {"image": tmp_path / options["image"]}
    said, code = run("search", **options)
    assert (expected in said, code) == (True, 2)


def test_more_than_there_is_may_be_asked_for(small_library: None) -> None:
    out = StringIO()
    call_command("search", text="nodule", k=100_000, json=True, stdout=out)
    assert len(json.loads(out.getvalue())) == 5


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(b"damaged"), Path.unlink], ids=["damaged", "missing"])
def test_stored_vectors_stand_in_for_an_index_that_cannot_be_read_and_a_rebuild_heals_it(
    small_library: None, site: Path, tmp_path: Path, settings: Any, before: Path, harm: Callable[[Path], object]
) -> None:
    name = IndexVersion.objects.values_list("name", flat=True)[0]
    harm(Path(settings.INDEX_ROOT) / name / "text.faiss")
    from cdss.indexing.engine import forget_engine

    forget_engine()
    (tmp_path / "in.jsonl").write_text(json.dumps(GOOD))
    assert run("consult", input=tmp_path / "in.jsonl", output=before) == ("", 0)
    found = [json.loads(before.read_text())["diagnoses"]]
    assert run("build_index", rebuild=True)[1] == 0
    forget_engine()
    assert IndexVersion.objects.values_list("name", flat=True)[0] != name
    assert run("consult", input=tmp_path / "in.jsonl", output=before) == ("", 0)
    found.append(json.loads(before.read_text())["diagnoses"])
    assert found[0] == found[1]
    assert found[0]


def test_a_disk_that_is_full_while_publishing_leaves_the_old_index_serving(
    small_library: None, traces: Callable[[], Trace], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Case.objects.update(title="Another title")

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folders = sorted(Path(settings.INDEX_ROOT).iterdir())
    versions = IndexVersion.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        said, code = run("build_index")
    assert code == 2
    assert "the disk is full. Free some space and run manage.py build_index again" in said
    assert "The version before stays in use" in said
    assert (sorted(Path(settings.INDEX_ROOT).iterdir()), IndexVersion.objects.count()) == (folders, versions)
    assert run("search", text="nodule") == ("", 0)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("export_patient", ["--consultation", "9" * 40, "--output", "out.zip"]),
        ("erase_patient", ["--case", "9" * 40, "--reason", "request", "--yes"]),
        ("erase_patient", ["--case", "-1", "--reason", "request", "--yes"]),
        ("evaluate", ["topics", "--seed", "9" * 40]),
        ("evaluate", ["topics", "--seed", "-1"]),
        ("learn_ranking", ["--seed", "9" * 40]),
        ("simulate_use", ["--seed", "9" * 40]),
        ("create_user", ["", "--role", "clinician"]),
        ("create_user", ["x" * 151, "--role", "clinician"]),
    ],
)
def test_numbers_and_names_that_no_table_holds_are_wrong_use(db: None, command: str, words: list[str]) -> None:
    with pytest.raises(CommandError) as raised:
        call_command(command, *words, stderr=StringIO(), stdout=StringIO())
    assert raised.value.returncode == 2 or str(raised.value).startswith("Error: argument")
