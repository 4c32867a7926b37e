"""A hand-made document with every element: read, kept, and out again as it came in."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from defusedxml.ElementTree import fromstring

from cdss.exchange.comparing import differences
from cdss.exchange.models import Carried
from cdss.exchange.quizzes import quizzes_of
from cdss.library.models import Case, CaseImage
from tests.cdss.exchange.conftest import emptied, held, write_png

DOCUMENT = Path(__file__).parent / "files/every_element.xml"
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script><text x="1">wall</text>'
    '<a href="#mark"/><image href="https://example.net/x.png"/><rect style="fill: url( https://example.net/y )"/></svg>'
)


@pytest.fixture
def teaching_file(tmp_path: Path) -> Path:
    return packed(tmp_path / "every.zip", DOCUMENT.read_text(encoding="utf-8"))


def packed(path: Path, document: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MIRCdocument.xml", document)
        archive.writestr("a-marked.svg", DRAWING)
        for seed, name in enumerate(("a.png", "b.png", "a-marked.png")):
            archive.write(write_png(path.parent / "pictures" / name, seed), name)
    return path


def document_of(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("MIRCdocument.xml").decode()


def canonical(text: str, sources: Callable[[str], str]) -> list[Any]:
    """Elements with their attributes and text, in order: blanks between elements are none, file names may change."""

    def plain(element: ElementTree.Element) -> list[Any]:
        attributes = {key: sources(value) if key == "src" else value for key, value in element.attrib.items()}
        inner: list[Any] = [" ".join((element.text or "").split())]
        for child in element:
            inner += [plain(child), " ".join((child.tail or "").split())]
        return [element.tag, attributes, [each for each in inner if each]]

    return plain(fromstring(text))


def test_everything_it_says_is_read(teaching_file: Path, importing: Callable) -> None:
    done = importing(teaching_file, "--publish")
    assert (done.code, done["skipped"], done["images"]) == (0, [], 3)
    case = Case.objects.get()
    assert (case.title, case.alternative_title) == ("Appendicitis in a child", "Pain on the right")
    assert (case.abstract, case.alternative_abstract) == (
        "A child with appendicitis.\nSeen on CT.",
        "A child with pain.",
    )
    assert case.authors == [
        {"name": "Jane Roe", "affiliation": "Hospital A", "contact": "jane@teaching.example.org"},
        {"name": "John Poe", "affiliation": "Institute B", "contact": ""},
    ]
    assert case.keywords == ["appendix", "child"]
    assert case.history == "Pain since two days, with fever.\nNo operation before."
    assert case.findings == "Wall of 9 mm\nFat stranding"
    assert (case.diagnosis, case.diagnosis_by) == ("Appendicitis", "Histology")
    assert case.differential == ["Crohn disease", "Diverticulitis"]
    assert (case.region, case.pathology, case.organ_system) == ("Appendix", "Inflammation", "Gastrointestinal")
    assert (case.modalities, case.category, case.difficulty) == (["CT", "US"], "Gastrointestinal", "intermediate")
    assert (case.age, case.sex, case.licence) == ("9", "female", "CC BY 4.0")
    assert case.references[0] == {
        "text": "A paper on the appendix. doi:10.1000/abc PMID: 123", "doi": "10.1000/abc", "pmid": "123", "url": ""
    }  # fmt: skip
    assert [image.caption for image in case.images.all()] == [
        "Probe on the right",
        "Thick wall",
        "Thick wall (annotated)",
    ]
    assert (case.source_name, case.source_id) == ("MIRC", "https://teaching.example.org/docs/0042")


def test_out_again_as_it_came_in(teaching_file: Path, tmp_path: Path, exporting: Callable, importing: Callable) -> None:
    importing(teaching_file, "--publish")
    exporting("--format", "mirc", "--output", tmp_path / "out.zip")
    names = {"b.png": "001.png", "a.png": "002.png", "a-marked.png": "003.png", "a-marked.svg": "drawing-1.svg"}
    came = canonical(document_of(teaching_file), lambda source: names[source])
    went = canonical(document_of(tmp_path / "out.zip"), str)
    assert [one for one, other in zip(went[2], came[2], strict=True) if one != other] == []
    assert went == came
    before = held()
    emptied()
    assert importing(tmp_path / "out.zip", "--publish")["skipped"] == []
    assert differences(before, held()) == []
    exporting("--format", "mirc", "--output", tmp_path / "again.zip")
    assert document_of(tmp_path / "again.zip") == document_of(tmp_path / "out.zip")


def test_it_is_kept_over_case_lines(
    teaching_file: Path, tmp_path: Path, exporting: Callable, importing: Callable
) -> None:
    importing(teaching_file, "--publish")
    exporting("--format", "mirc", "--output", tmp_path / "1.zip")
    exporting("--format", "jsonl", "--output", tmp_path / "lines.zip")
    before = held()
    emptied()
    assert importing(tmp_path / "lines.zip", "--publish")["skipped"] == []
    assert differences(before, held()) == []
    exporting("--format", "mirc", "--output", tmp_path / "2.zip")
    assert document_of(tmp_path / "1.zip") == document_of(tmp_path / "2.zip")


def test_what_was_changed_goes_out_changed(
    teaching_file: Path, tmp_path: Path, exporting: Callable, importing: Callable
) -> None:
    importing(teaching_file, "--publish")
    case = Case.objects.get()
    case.history, case.keywords, case.difficulty = "Pain since three days.", ["caecum"], "advanced"
    case.save()
    CaseImage.objects.filter(caption="Thick wall (annotated)").update(caption="An arrow at the wall")
    before = held()
    exporting("--format", "mirc", "--output", tmp_path / "out.zip")
    said = document_of(tmp_path / "out.zip")
    assert "two days" not in said
    assert "Protocol of the scanner" in said
    assert "<level>Advanced</level>" in said
    emptied()
    importing(tmp_path / "out.zip", "--publish")
    # The text is made anew when a case is saved by its editor; here only fields were changed.
    assert {each.field for each in differences(before, held())} == {"text"}


def test_a_picture_that_is_gone_leaves_no_trace(
    teaching_file: Path, tmp_path: Path, exporting: Callable, importing: Callable
) -> None:
    importing(teaching_file, "--publish")
    CaseImage.objects.filter(caption="Probe on the right").delete()
    exporting("--format", "mirc", "--output", tmp_path / "out.zip")
    assert "Probe on the right" not in document_of(tmp_path / "out.zip")


def test_identifiers_go_and_nothing_active_stays(tmp_path: Path, exporting: Callable, importing: Callable) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    document = document.replace("Portal venous phase, 1 mm.", "Sent by Dr. <b>Roe</b>, MRN: 4711234, on 2019-03-04.")
    document = document.replace("<pt-age>", "<pt-name>Mary Major</pt-name><pt-id>4711234</pt-id><pt-age>")
    document = document.replace("<access>", "<phi><study><si-uid>1.2.3</si-uid></study></phi><access>")
    document = document.replace(
        "<note>", "<script>alert(1)</script><iframe src='x'/><note onclick='alert(1)' href=' java\tscript:alert(1)'>"
    )
    importing(packed(tmp_path / "named.zip", document), "--publish")
    exporting("--format", "mirc", "--output", tmp_path / "out.zip")
    said = document_of(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        drawing = archive.read("drawing-1.svg").decode()
    for gone in ("Mary Major", "4711234", "2019-03-04", "si-uid", "alert", "<script", "<iframe", "onclick", "onload"):
        assert gone not in said + drawing
        assert gone not in str(Carried.objects.values_list("tree", "files"))
    assert "[name]" in said
    assert "wall" in drawing
    assert "#mark" in drawing
    assert "example.net" not in drawing


def test_a_quiz_is_plain_data(teaching_file: Path, importing: Callable) -> None:
    importing(teaching_file, "--publish")
    (quiz,) = quizzes_of(Case.objects.get())
    assert quiz["context"] == "Look at the first image."
    first, second = quiz["questions"]
    assert first["answers"] == [
        {"body": "Appendicitis", "response": "Right: the wall is thick.", "correct": True},
        {"body": "Crohn disease", "response": "The terminal ileum is normal.", "correct": None},
    ]
    assert (second["body"], len(second["answers"])) == ("Which plane is it?", 1)


def test_a_case_from_elsewhere_takes_the_place_of_what_was_carried(
    teaching_file: Path, tmp_path: Path, exporting: Callable, importing: Callable
) -> None:
    importing(teaching_file, "--publish")
    exporting("--format", "tce", "--output", tmp_path / "out.zip")
    importing(tmp_path / "out.zip", "--publish")
    assert Carried.objects.get().format == "tce"
    Case.objects.all().delete()
    assert not Carried.objects.exists()
