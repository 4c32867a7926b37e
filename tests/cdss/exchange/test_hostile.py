"""What comes in from elsewhere and should not: a clear reason, and nothing half-written."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdss.exchange.models import Carried
from cdss.library.models import Case, LibraryItem
from tests.cdss.exchange.conftest import files_in, write_lines, write_png

MIRC = "<MIRCdocument><title>T</title><section heading='Findings'><p>A nodule.</p></section>{}</MIRCdocument>"
OVER = "<image src='a.png'><alternative-image role='{}' src='{}'/></image>"
OURS = '<f:field xmlns:f="urn:cdss:teaching-file:1" name="{}">{}</f:field>'
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + MIRC.format(
    "<access>&b;</access>"
)


def packed(path: Path, document: str, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MIRCdocument.xml", document)
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (BOMB, "entities"),
        (MIRC.format("<a>" * 200 + "</a>" * 200), "nested more than 60 deep"),
        (MIRC.format("<a/>" * 30_000), "more than 20,000 elements"),
        (MIRC.format("<access>" + "x" * (5 * 1024 * 1024) + "</access>"), "larger than 5 MB"),
        ("<MIRCdocument><title>T</MIRCdocument>", "broken XML"),
        ("<other><MIRCdocument/></other>", "not a MIRC document"),
        ("<other/>", "0 MIRC documents"),
        (MIRC.format("<image src='../../etc/passwd'/>"), "outside the folder"),
        (MIRC.format(OVER.format("frame", "/etc/passwd")), "outside the folder"),
        (MIRC.format(OVER.format("annotation", "gone.svg")), "cannot be read"),
        (MIRC.format(OURS.format("authors", "{")), "holds no JSON"),
        (MIRC.format(OURS.format("certainty", '"sure"')), "expected one of"),
        (MIRC.format(OURS.format("source_id", f'"{"x" * 300}"')), "longer than 200"),
    ],
)  # fmt: skip
def test_a_document_that_is_refused(tmp_path: Path, media: Path, importing: Callable, document: str, said: str) -> None:
    done = importing(packed(tmp_path / "case.zip", document), "--format", "mirc", "--publish")
    assert done.code == 2
    assert said in done["skipped"][0]["reason"]
    assert (LibraryItem.objects.exists(), Carried.objects.exists(), files_in(media)) == (False, False, [])


def test_an_extension_cannot_name_other_attributes(tmp_path: Path, importing: Callable) -> None:
    said = [("state", '"published"'), ("owner", "1"), ("pk", "7"), ("images", "[]"), ("hold", '""')]
    importing(packed(tmp_path / "case.zip", MIRC.format("".join(OURS.format(*each) for each in said))))
    case = Case.objects.get()
    assert (case.state, case.owner, case.title) == ("draft", None, "T")


def test_missing_images_are_told_and_the_case_stays(tmp_path: Path, importing: Callable) -> None:
    document = MIRC.format(
        "<image-section heading='I'><image src='gone.png'/><image src='https://x/y.png'/></image-section>"
    )
    done = importing(packed(tmp_path / "case.zip", document), "--publish")
    assert [skip["reason"].split(".")[0] for skip in done["skipped"]] == ["gone", "https://x/y"]
    assert Case.objects.get().images.count() == 0


def test_two_cases_of_one_id_are_one(tmp_path: Path, importing: Callable) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for folder in ("a", "b"):
            archive.writestr(
                f"{folder}/MIRCdocument.xml",
                MIRC.format("").replace("<MIRC", "<MIRC", 1).replace("ument>", "ument docref='1'>", 1),
            )
    done = importing(tmp_path / "two.zip", "--publish")
    assert (done["cases"], Case.objects.count()) == (1, 1)


CARRIED: dict[str, Any] = {"format": "mirc", "tree": ["MIRCdocument", {}, [["access", {}, ["public"]]]]}


@pytest.mark.parametrize(
    ("carried", "said"),
    [
        ("text", "expected an object with format"),
        ({"format": "exe", "tree": CARRIED["tree"]}, "expected an object with format"),
        ({"format": "mirc"}, "carried: expected"),
        ({"format": "mirc", "tree": ["a b", {}, []]}, "carried: expected"),
        ({"format": "mirc", "tree": ["a", {}, [1]]}, "carried: expected"),
        ({"format": "mirc", "tree": ["a", [], []]}, "carried: expected"),
        ({**CARRIED, "files": {"../x.svg": CARRIED["tree"]}}, "inside the folder"),
        ({**CARRIED, "files": {"C:x.svg": CARRIED["tree"]}}, "inside the folder"),
        ({**CARRIED, "files": {"x.svg": "<svg/>"}}, "carried: expected"),
    ],
)  # fmt: skip
def test_case_lines_that_carry_nonsense(tmp_path: Path, importing: Callable, carried: object, said: str) -> None:
    done = importing(write_lines(tmp_path / "cases.jsonl", {"id": "1", "findings": "A nodule.", "carried": carried}))
    assert said in done["skipped"][0]["reason"]
    assert not LibraryItem.objects.exists()


def test_what_is_carried_is_read_like_a_document(tmp_path: Path, importing: Callable) -> None:
    tree: Any = [
        "MIRCdocument",
        {},
        [["script", {}, ["alert(1)"]], ["note", {"onclick": "alert(1)", "k": "Dr. Roe"}, ["MRN: 4711234"]]],
    ]
    deep: Any = ["a", {}, []]
    for _ in range(100):
        deep = ["a", {}, [deep]]
    lines = [
        {"id": str(number), "findings": "A nodule.", "carried": {"format": "mirc", "tree": each}}
        for number, each in enumerate((tree, deep))
    ]
    done = importing(write_lines(tmp_path / "cases.jsonl", *lines))
    assert "nested too deeply" in done["skipped"][0]["reason"]
    held = json.dumps(Carried.objects.get().tree)
    assert "alert" not in held
    assert "4711234" not in held
    assert "Roe" not in held


@pytest.mark.parametrize("frames", ["a.png", [], [1], ["../a.png"], ["a.png"] * 5001])
def test_frames_that_are_none(tmp_path: Path, importing: Callable, frames: object) -> None:
    write_png(tmp_path / "a.png")
    row = {"id": "1", "findings": "A nodule.", "images": [{"path": "a.png", "frames": frames}]}
    done = importing(write_lines(tmp_path / "cases.jsonl", row))
    assert done["skipped"][0]["reason"].startswith("images: ")
    assert not LibraryItem.objects.exists()


def test_a_zip_of_lines_that_lead_out(tmp_path: Path, media: Path, importing: Callable) -> None:
    row = {"id": "1", "findings": "A nodule.", "images": [{"path": "../../secret.png"}]}
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("cases.jsonl", json.dumps(row))
    assert "outside" in importing(tmp_path / "x.zip")["skipped"][0]["reason"]
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("cases.jsonl", json.dumps(row))
        archive.writestr("../x.png", b"x")
    assert "outside the ZIP file" in importing(tmp_path / "y.zip")["skipped"][0]["reason"]
    assert (LibraryItem.objects.exists(), files_in(media)) == (False, [])


@pytest.mark.parametrize(
    ("encoding", "named"), [("utf-16", "UTF-16"), ("latin-1", "ISO-8859-1"), ("utf-8-sig", "UTF-8")]
)
def test_every_encoding_that_a_document_names_is_read(
    tmp_path: Path, importing: Callable, encoding: str, named: str
) -> None:
    said = "<section heading='History'><p>Cough since the S\u00fcdpol.</p></section>"
    text = f'<?xml version="1.0" encoding="{named}"?>' + MIRC.format(said)
    path = tmp_path / "case.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MIRC.xml", text.encode(encoding))
    assert importing(path)["cases"] == 1
    assert "S\u00fcdpol" in Case.objects.get().history


def test_a_document_in_another_encoding_than_it_says_is_told_what_to_do(tmp_path: Path, importing: Callable) -> None:
    path = tmp_path / "case.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MIRC.xml", MIRC.format("<title>S\u00fcdpol</title>").encode("latin-1"))
    done = importing(path, "--format", "mirc")
    assert "Save it as UTF-8" in done["skipped"][0]["reason"]
