import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cdss.library.models import Case, LibraryItem
from tests.cdss.library.conftest import files_in, write_png

DOCUMENT = """<MIRCdocument display="mstf">
<title>Appendicitis</title><author><name>Jane Roe</name></author><category>Abdomen</category>
<section heading="History"><p>Pain since <b>two</b> days.</p><p>Seen by Dr. Roe.</p></section>
<image-section heading="Images"><image src="a.png">
<modality>CT</modality><image-caption>Thick wall</image-caption></image>
<image src="https://example.org/b.png"/></image-section>
<section heading="Findings"><ul><li>Wall of 9 mm</li><li>Fat stranding</li></ul></section>
<section heading="Diagnosis"><p>Appendicitis</p></section>
<section heading="Differential Diagnosis"><p>Crohn disease; diverticulitis</p></section>
<discussion>Common in the young.</discussion><rights>Free to use</rights></MIRCdocument>"""


def pack(path: Path, document: str = DOCUMENT, **members: bytes) -> Path:
    picture = write_png(path.parent / "picture/a.png")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("case/MIRCdocument.xml", document)
        archive.write(picture, "case/a.png")
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_teaching_file(source: Path, run_import: Callable) -> None:
    done = run_import(pack(source / "case.zip"), "--publish")
    assert (done["cases"], done["images"]) == (1, 1)
    assert "nothing is fetched" in done["skipped"][0]["reason"]
    case = Case.objects.get()
    assert case.text == (
        "History:\nPain since two days.\nSeen by Dr. [name].\n\nFindings:\nWall of 9 mm\nFat stranding\n\n"
        "Diagnosis:\nAppendicitis\n\nDifferential diagnosis:\nCrohn disease\ndiverticulitis\n\n"
        "Discussion:\nCommon in the young.\n\nImages:\nThick wall"
    )
    assert (case.title, case.licence, case.source_name, case.source_id) == (
        "Appendicitis",
        "Free to use",
        "MIRC",
        "case",
    )
    assert case.images.get().modality == "CT"


def refused(path: Path, run_import: Callable, media: Path) -> str:
    done = run_import(path)
    assert done.code == 2
    assert not LibraryItem.objects.exists()
    assert files_in(media) == []
    return done["skipped"][0]["reason"]


def test_a_bomb_is_refused(source: Path, run_import: Callable, media: Path) -> None:
    path = pack(source / "case.zip", **{"zeros.png": b"\0" * 60_000_000})
    assert path.stat().st_size < 100_000
    assert "far larger inside" in refused(path, run_import, media)


@pytest.mark.parametrize("name", ["../outside.png", "/absolute.png", "C:\\x.png"])
def test_a_path_outside_is_refused(source: Path, run_import: Callable, media: Path, name: str) -> None:
    reason = refused(pack(source / "case.zip", **{name: b"x"}), run_import, media)
    assert "outside the ZIP file" in reason
    assert not (source / "outside.png").exists()


def test_an_image_outside_is_refused(source: Path, run_import: Callable, media: Path) -> None:
    path = pack(source / "case.zip", DOCUMENT.replace("a.png", "../../../secret.png"))
    assert "outside the folder" in refused(path, run_import, media)


def test_entities_are_refused(source: Path, run_import: Callable, media: Path) -> None:
    entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + DOCUMENT.replace("Common", "&a;")
    assert "entities" in refused(pack(source / "case.zip", entity), run_import, media)


def test_two_documents_in_one_file_are_refused(source: Path, run_import: Callable, media: Path) -> None:
    path = pack(source / "case.zip", **{"other.xml": DOCUMENT.encode()})
    assert "2 MIRC documents" in refused(path, run_import, media)


def test_a_damaged_zip_is_refused(source: Path, run_import: Callable, media: Path) -> None:
    path = pack(source / "case.zip")
    path.write_bytes(path.read_bytes()[:-40])
    done = run_import(path, "--format", "mirc")
    assert done.code == 2
    assert not LibraryItem.objects.exists()
