"""Out of a library and into an empty one: no difference in any field, nor in any pixel."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from cdss.exchange.comparing import differences
from cdss.library.models import Case, CaseImage
from tests.cdss.exchange.conftest import emptied, held, write_lines, write_png

DEMO = Path(settings.DEMO_ROOT) / "demo_cases.jsonl"
FORMATS = ("jsonl", "mirc", "tce")
# Every field, and texts that formats of others have trouble with.
FULL = {
    "id": "full-1", "title": "A <b>bold</b> title & more", "age": "6 months", "sex": "female",
    "history": "First line.\n\nThird line,   with blanks.\n\tTab & <script>alert(1)</script>", "exam": "Soft abdomen.",
    "findings": "Wall of 9 mm; “quotes” and ümlauts, 肺.", "diagnosis": "Appendicitis", "diagnosis_by": "Histology.",
    "differential": ["Crohn disease", "Diverticulitis; right-sided", "- listed"], "discussion": "One.\nTwo.\u000bThree",
    "treatment": "Removal.", "topic": "appendicitis", "topic_title": "Appendicitis", "category": "Gastrointestinal",
    "licence": "CC BY 4.0", "abstract": "In short.\nTwo lines.", "alternative_title": "Pain on the right",
    "alternative_abstract": "A child with pain.", "authors": [
        {"name": "Jane Roe", "affiliation": "Hospital A", "contact": "jane@example.org"},
        {"name": "", "affiliation": "Institute B", "contact": ""},
        {"name": "John Poe", "affiliation": "", "contact": ""},
    ], "keywords": ["appendix", "child, small", "a; b"], "codes": [
        {"system": "ICD-10-CM", "code": "K35.80", "display": "Unspecified acute appendicitis"}
    ], "modalities": ["CT", "XR", "Ultrasound, linear"], "region": "Abdomen", "organ_system": "Gastrointestinal system",
    "pathology": "Inflammation", "difficulty": "intermediate", "certainty": "certain", "confirmed_by": "histology",
    "learning_points": ["Look for the base.", "• Then for the fat"], "references": [
        {"text": "A paper.", "doi": "10.1000/abc", "pmid": "123", "url": "https://example.org/x"},
        {"text": "", "doi": "", "pmid": "77", "url": ""},
        {"text": "A book; 2nd edition", "doi": "", "pmid": "", "url": ""},
    ], "images": [
        {"path": "a.png", "modality": "CT", "sequence": "portal venous", "plane": "Axial", "region": "Abdomen",
         "location": "Right lower quadrant", "caption": "Thick wall.\nTwo lines & <i>more</i>", "licence": "CC0",
         "attribution": "J. Poe", "key": True},
        {"path": "s/0.png", "frames": ["s/0.png", "s/1.png", "s/2.png"], "modality": "US", "caption": ""},
        {"path": "c.png"},
    ], "source": {"name": "Elsewhere", "id": "full-1"},
}  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    from PIL import Image

    folder = tmp_path / "source"
    for seed, name in enumerate(("a.png", "s/0.png", "s/1.png", "s/2.png")):
        write_png(folder / name, seed)
    Image.effect_noise((31, 17), 90).convert("RGB").point(lambda value: (value * 7) % 256).save(folder / "c.png")
    with Image.open(folder / "c.png") as image:
        image.putpixel((3, 3), (250, 1, 99))
        image.save(folder / "c.png")
    return folder


def round_trip(form: str, target: Path, exporting: Callable, importing: Callable) -> list:
    before = held()
    assert exporting("--format", form, "--output", target).code == 0
    emptied()
    done = importing(target, "--collection", "Demonstration library", "--publish", "--trust-pixels")
    assert (done.code, done["skipped"], done["cases"]) == (0, [], len(before))
    return differences(before, held())


@pytest.mark.parametrize(
    ("form", "place"), [("jsonl", "out"), ("jsonl", "out.zip"), ("mirc", "out.zip"), ("tce", "out")]
)
def test_the_demonstration_library(
    tmp_path: Path, exporting: Callable, importing: Callable, form: str, place: str
) -> None:
    importing(DEMO, "--collection", "Demonstration library", "--synthetic", "--publish")
    assert (Case.objects.count(), CaseImage.objects.count()) == (88, 114)
    target = tmp_path / place
    into = target if form != "jsonl" or place.endswith(".zip") else target / "cases.jsonl"
    before = held()
    assert exporting("--format", form, "--output", target).code == 0
    emptied()
    done = importing(into, "--collection", "Demonstration library", "--synthetic", "--publish")
    assert (done.code, done["skipped"], done["cases"]) == (0, [], 88)
    assert differences(before, held()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_case_with_every_field(
    source: Path, tmp_path: Path, exporting: Callable, importing: Callable, form: str
) -> None:
    importing(write_lines(source / "cases.jsonl", FULL), "--publish", "--trust-pixels")
    assert CaseImage.objects.count() == 3
    assert round_trip(form, tmp_path / "out.zip", exporting, importing) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_second_trip_is_the_same_file(
    source: Path, tmp_path: Path, exporting: Callable, importing: Callable, form: str
) -> None:
    importing(write_lines(source / "cases.jsonl", FULL), "--publish", "--trust-pixels")
    first = exporting("--format", form, "--output", tmp_path / "1.zip")
    emptied()
    importing(tmp_path / "1.zip", "--publish", "--trust-pixels")
    assert held()[("Elsewhere", "full-1")]["title"] == FULL["title"]
    emptied()
    importing(tmp_path / "1.zip", "--publish", "--trust-pixels")
    second = exporting("--format", form, "--output", tmp_path / "2.zip")
    third = exporting("--format", form, "--output", tmp_path / "3.zip")
    assert second["sha256"] == third["sha256"]
    assert first["images"] == second["images"] == 3


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_file_again_changes_nothing(
    source: Path, tmp_path: Path, exporting: Callable, importing: Callable, form: str
) -> None:
    importing(write_lines(source / "cases.jsonl", FULL), "--publish", "--trust-pixels")
    exporting("--format", form, "--output", tmp_path / "out.zip")
    emptied()
    importing(tmp_path / "out.zip", "--publish", "--trust-pixels")
    again = importing(tmp_path / "out.zip", "--publish", "--trust-pixels")
    assert (again.code, again["cases"], again["updated"], again["skipped"]) == (0, 0, 0, [])


def test_a_difference_is_told(source: Path, importing: Callable) -> None:
    importing(write_lines(source / "cases.jsonl", FULL), "--publish", "--trust-pixels")
    before = held()
    Case.objects.update(findings="Another wall.")
    write_png(source / "a.png", 99)
    importing(write_lines(source / "cases.jsonl", FULL | {"title": "Other"}), "--publish", "--trust-pixels")
    fields = {each.field for each in differences(before, held())}
    assert fields == {"title", "image 1 pixels"}
