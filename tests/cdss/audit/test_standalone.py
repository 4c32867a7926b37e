import ast
import copy
import csv
import io
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdss.audit.anchors import anchor_add
from cdss.audit.export import Manifest, Wanted, write
from cdss.audit.models import Event
from cdss.audit.services import record
from cdss.audit.standalone import verify_export
from cdss.audit.standalone.verify_export import Anchor, NoExportError, Report, main
from cdss.audit.verify import verify
from tests.cdss.audit import tampering
from tests.cdss.audit.test_verify import TAMPERING, trail

__all__ = ["trail"]
PROGRAM = Path(verify_export.__file__)
LENGTH = 40
OTHERS = {"action": "other"}


def exported(tmp_path: Path, form: str = "jsonl", *, placeholders: bool = True, **filters: str) -> Path:
    file = tmp_path / f"audit.{form}"
    with file.open("wb") as stream:
        write(Manifest(Wanted(filters, placeholders), "auditor"), form, stream)
    return file


def checked(file: Path, *anchors: Anchor) -> Report:
    return verify_export.verify_export(file, anchors)


@pytest.fixture
def events(db: None) -> list[Event]:
    made = []
    for number in range(LENGTH):
        details = {"number": number, "share": number / 7, "words": ["=1+1", "“left”", None, True]}
        made.append(record(action="other" if number % 3 else "written", details=details, location="'Ward\u202f3"))
    return made


@pytest.fixture
def last(events: list[Event]) -> Anchor:
    return Anchor("2026-03-01", events[-1].sequence, events[-1].hash)


def test_it_needs_nothing_but_the_standard_library_of_python_3_9() -> None:
    tree = ast.parse(PROGRAM.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {
        "__future__", "argparse", "csv", "hashlib", "json", "sys", "pathlib", "typing",
    }  # fmt: skip


def test_it_runs_alone(events: list[Event], tmp_path: Path) -> None:
    """Isolated and without site-packages, as an outsider would run a copy of it."""
    program = tmp_path / "verify_export.py"
    program.write_bytes(PROGRAM.read_bytes())
    file = exported(tmp_path)
    done = subprocess.run([sys.executable, "-I", "-S", program, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"holds: {LENGTH} events, last {LENGTH}:{events[-1].hash}" in done.stdout
    file.write_text(file.read_text().replace('"number": 7', '"number": 8'))
    done = subprocess.run([sys.executable, "-I", "-S", program, file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "at event 8" in done.stdout


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_was_exported_holds(events: list[Event], last: Anchor, tmp_path: Path, form: str) -> None:
    report = checked(exported(tmp_path, form), last)
    assert (report.holds, report.mode, report.events, report.anchors) == (True, "whole", LENGTH, 1)
    assert report.head == events[-1].hash
    report = checked(exported(tmp_path, form, **OTHERS), last)
    assert (report.holds, report.mode, report.events, report.placeholders) == (True, "placeholders", 26, 14)
    report = checked(exported(tmp_path, form, placeholders=False, **OTHERS))
    assert (report.holds, report.mode, report.events, report.placeholders) == (True, "rows", 26, 0)


def test_csv_is_the_same_without_loss(events: list[Event], tmp_path: Path) -> None:
    lines = [json.loads(line) for line in exported(tmp_path).read_text().splitlines()[:-1]]
    rows = list(csv.reader(io.StringIO(exported(tmp_path, "csv").read_text())))[1:-1]
    assert [verify_export._uncelled(row) for row in rows] == lines


@pytest.mark.parametrize(("tamper", "sequence"), [pytest.param(act, at, id=name) for name, act, at in TAMPERING])
def test_it_agrees_with_verify_audit(
    trail: list[Event], tmp_path: Path, tamper: Callable[[], None], sequence: int
) -> None:
    tamper()
    mine, theirs = verify(), checked(exported(tmp_path))
    assert (theirs.sequence, theirs.holds) == (mine.sequence, False)
    assert theirs.sequence == sequence
    assert checked(exported(tmp_path, "csv")).sequence == sequence


def tampered(count: int, seed: int, file: Path, anchor: Anchor) -> list[str]:
    """What was not found, or found elsewhere."""
    rng, missed = random.Random(seed), []
    *rows, ending = [json.loads(line) for line in file.read_text().splitlines()]
    for number in range(count):
        kind, careful = tampering.KINDS[number % len(tampering.KINDS)], bool(number // len(tampering.KINDS) % 2)
        changed, sequence = kind(copy.deepcopy(rows), rng)
        file.write_bytes(tampering.file_of(changed, ending["manifest"], careful=careful))
        report = checked(file, anchor)
        if report.holds or report.sequence != sequence:
            missed.append(f"{kind.__name__}, careful {careful}: at {sequence}, told {report.sequence} {report.problem}")
    return missed


def test_tampering_with_the_file_is_located(events: list[Event], last: Anchor, tmp_path: Path) -> None:
    assert tampered(110, 7, exported(tmp_path), last) == []


@pytest.mark.faults
def test_a_thousand_acts_of_tampering_are_located(events: list[Event], last: Anchor, tmp_path: Path) -> None:
    assert tampered(1100, 11, exported(tmp_path), last) == []


def test_every_event_is_edited_once_with_placeholders(events: list[Event], tmp_path: Path) -> None:
    file = exported(tmp_path, **OTHERS)
    lines = file.read_bytes().splitlines(keepends=True)
    for place in range(LENGTH):
        row = json.loads(lines[place])
        row["hash"] = "f" * 64
        file.write_bytes(b"".join([*lines[:place], json.dumps(row).encode() + b"\n", *lines[place + 1 :]]))
        report = checked(file)
        # A placeholder has no fields: that it was changed shows in the event that follows it, or in the last one.
        assert report.sequence == (place + 1 if "action" in row else min(place + 2, LENGTH))


@pytest.mark.parametrize("place", [0, 1, 2, 20, LENGTH - 1])
def test_a_placeholder_that_is_gone_is_missed(events: list[Event], tmp_path: Path, place: int) -> None:
    file = exported(tmp_path, **OTHERS)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:place], *lines[place + 1 :]]))
    assert checked(file).sequence == place + 1


def test_rows_alone_prove_themselves_and_no_more(events: list[Event], tmp_path: Path) -> None:
    file = exported(tmp_path, placeholders=False, **OTHERS)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], lines[3].replace(b'"other"', b'"written"'), *lines[4:]]))
    report = checked(file)
    assert (report.sequence, report.problem) == (json.loads(lines[3])["sequence"], verify_export.CHANGED)
    file.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    report = checked(file)
    assert (report.holds, report.sequence) == (False, None)
    assert "25" in report.problem


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"actor": ""', b'"actor": "other", "actor": ""'),
        (b'"actor": ""', b'"actor": "", "note": "kept"'),
        (b'"number": 4', b'"number": NaN'),
        (b'"number": 4', b'"number": 4.0'),
        (b'"sequence": 5', b'"sequence": 5.0'),
        (b'"sequence": 5', b'"sequence": true'),
    ],
)
def test_what_reads_as_another_value_is_found(events: list[Event], tmp_path: Path, before: bytes, after: bytes) -> None:
    file = exported(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    assert before in lines[4]
    file.write_bytes(b"".join([*lines[:4], lines[4].replace(before, after, 1), *lines[5:]]))
    assert checked(file).sequence == 5


def test_spacing_alone_is_told_without_a_place(events: list[Event], tmp_path: Path) -> None:
    file = exported(tmp_path)
    file.write_bytes(file.read_bytes().replace(b'"actor": ', b'"actor":  ', 1))
    report = checked(file)
    assert (report.holds, report.sequence, report.problem) == (False, None, verify_export.OTHER_BYTES)


def test_the_sha256_of_the_event_tells_another_file(
    events: list[Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = exported(tmp_path)
    assert main([str(file), "--sha256", "0" * 64]) == 1
    assert "SHA-256" in capsys.readouterr().out


def test_a_file_cut_before_its_manifest_is_cut(events: list[Event], tmp_path: Path) -> None:
    file = exported(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    assert checked(file).sequence == LENGTH + 1
    file.write_bytes(b"".join(lines[:-3]) + lines[-3][:40])
    assert checked(file).sequence == LENGTH - 1


def test_an_anchor_made_later_is_no_cut(events: list[Event], tmp_path: Path) -> None:
    file = exported(tmp_path)
    assert checked(file, Anchor("2999-01-01", LENGTH + 5, "0" * 64)).holds
    assert checked(file, Anchor("2026-01-01", LENGTH + 5, "0" * 64)).sequence == LENGTH + 1


def test_anchors_of_the_page_fit(events: list[Event], tmp_path: Path) -> None:
    from cdss.audit.anchors import anchor_lines

    anchor_add()
    record(action="written")
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text("".join(anchor_lines()))
    assert main([str(exported(tmp_path)), "--anchors", str(anchors), "--noted", f"1:{events[0].hash}"]) == 0
    assert main([str(exported(tmp_path)), "--noted", f"2:{events[0].hash}"]) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n", b'{"manifest": {}}\n', b'{"manifest": 5}\n', b"\xff\xfe", b'{"manifest": {"format": "other/9"}}\n'],
)
def test_what_is_no_export_is_wrong_use(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert main([str(file)]) == 2
    assert capsys.readouterr().err
    assert main([str(tmp_path / "nowhere")]) == 2


def test_nothing_may_follow_the_manifest(events: list[Event], tmp_path: Path) -> None:
    file = exported(tmp_path)
    file.write_bytes(file.read_bytes() + file.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(NoExportError, match="after its manifest"):
        checked(file)
