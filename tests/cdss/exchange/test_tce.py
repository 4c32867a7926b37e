"""Teaching files of others, with every code: read, kept, and out again. Made with pydicom alone."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from cdss.exchange.comparing import differences
from cdss.library.models import Case, CaseImage, LibraryItem
from tests.cdss.exchange.conftest import emptied, files_in, held

IHE = "IHERADTF"
STUDY = generate_uid(entropy_srcs=["study"])
TEXTS = [
    ("TCE101", IHE, "Author", "Jane Roe"), ("TCE102", IHE, "Affiliation", "Hospital A"),
    ("TCE103", IHE, "Contact", "jane@teaching.example.org"), ("TCE101", IHE, "Author", "John Poe"),
    ("TCE104", IHE, "Abstract", "A child with appendicitis."), ("TCE105", IHE, "Keywords", "appendix, child"),
    ("121060", "DCM", "History", "Pain since two days."), ("121071", "DCM", "Finding", "Wall of 9 mm."),
    ("TCE106", IHE, "Discussion", "Common in the young."), 
    ("111023", "DCM", "Differential", "Crohn disease; Diverticulitis"),
    ("TCE107", IHE, "Diagnosis", "Appendicitis"), ("112005", "DCM", "Anatomy", "Appendix"),
    ("111042", "DCM", "Pathology", "Inflammation"), ("TCE108", IHE, "Organ system", "Gastrointestinal"),
    ("X1", "99SITE", "Local remark", "Kept as it is."),
]  # fmt: skip
CODES = [
    ("121139", "DCM", "Modality", "CT", "DCM", "Computed Tomography"),
    ("TCE109", IHE, "Category", "TCE304", IHE, "Gastrointestinal"),
    ("TCE110", IHE, "Level", "TCE202", IHE, "Intermediate"),
    ("X2", "99SITE", "Local code", "A", "99SITE", "Alpha"),
]
MADE = {"TEXT": TEXTS, "CODE": CODES}


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def text_item(code: str, scheme: str, meaning: str, text: str, kind: str = "TEXT") -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    item.ConceptNameCodeSequence = [coded(code, scheme, meaning)]
    setattr(item, "PersonName" if kind == "PNAME" else "TextValue", text)
    return item


def code_item(code: str, scheme: str, meaning: str, *value: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "CODE"
    item.ConceptNameCodeSequence = [coded(code, scheme, meaning)]
    item.ConceptCodeSequence = [coded(*value)]
    return item


def reference(kind: str, sop_class: str, uid: str) -> Dataset:
    item, named = Dataset(), Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    named.ReferencedSOPClassUID, named.ReferencedSOPInstanceUID = sop_class, uid
    item.ReferencedSOPSequence = [named]
    return item


def saved(dataset: Dataset, kind: str, uid: str) -> bytes:
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.StudyInstanceUID = kind, uid, STUDY
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Major^Mary", "4711234", "20100203"
    dataset.StudyDate, dataset.InstitutionName, dataset.OperatorsName = "20190304", "Hospital of Mary", "Tech^Tom"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = kind, uid
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def report(concept: tuple[str, str, str], items: list[Dataset], kind: str, uid: str) -> bytes:
    dataset = Dataset()
    dataset.ValueType, dataset.Modality, dataset.ContinuityOfContent = "CONTAINER", "SR", "SEPARATE"
    dataset.ConceptNameCodeSequence, dataset.ContentSequence = [coded(*concept)], items
    return saved(dataset, kind, uid)


def picture(uid: str, series: str, number: int, **more: Any) -> bytes:
    dataset = Dataset()
    dataset.SeriesInstanceUID, dataset.InstanceNumber, dataset.Modality = series, number, "CT"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 8, 8, 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = np.random.default_rng(number).integers(0, 255, (8, 8), dtype=np.uint8).tobytes()
    for name, value in more.items():
        setattr(dataset, name, value)
    return saved(dataset, "1.2.840.10008.5.1.4.1.1.2", uid)


SELECTION, INFORMATION = generate_uid(entropy_srcs=["ko"]), generate_uid(entropy_srcs=["sr"])
SERIES = [generate_uid(entropy_srcs=["series", str(number)]) for number in range(2)]
PICTURES = [generate_uid(entropy_srcs=["picture", str(number)]) for number in range(3)]
KEY_OBJECTS, BASIC_TEXT = "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.88.11"


def members(**instead: bytes | None) -> dict[str, bytes]:
    named = [reference("IMAGE", "1.2.840.10008.5.1.4.1.1.2", uid) for uid in PICTURES]
    key = [
        text_item("113012", "DCM", "Key Object Description", "For teaching"),
        reference("COMPOSITE", BASIC_TEXT, INFORMATION),
    ]
    items = [text_item(*each) for each in TEXTS] + [code_item(*each) for each in CODES]
    items.append(text_item("121008", "DCM", "Person Observer Name", "Tech^Tom", "PNAME"))
    made: dict[str, bytes | None] = {
        "ko.dcm": report(("TCE001", IHE, "For Teaching File Export"), [*key, *named], KEY_OBJECTS, SELECTION),
        "sr.dcm": report(("TCE006", IHE, "Additional Teaching File Information"), items, BASIC_TEXT, INFORMATION),
        # A stack of two, its second slice first; and one alone.
        "i0.dcm": picture(PICTURES[0], SERIES[0], 2),
        "i1.dcm": picture(PICTURES[1], SERIES[0], 1),
        "i2.dcm": picture(PICTURES[2], SERIES[1], 1),
    }
    return {name: data for name, data in (made | instead).items() if data is not None}


def packed(path: Path, **instead: bytes | None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members(**{name.replace("_", "."): data for name, data in instead.items()}).items():
            archive.writestr(name, data)
    return path


def test_every_code_is_read(tmp_path: Path, importing: Callable) -> None:
    done = importing(packed(tmp_path / "tce.zip"), "--publish")
    assert (done.code, done["skipped"], done["cases"], done["images"]) == (0, [], 1, 2)
    case = Case.objects.get()
    assert case.authors == [
        {"name": "Jane Roe", "affiliation": "Hospital A", "contact": "jane@teaching.example.org"},
        {"name": "John Poe", "affiliation": "", "contact": ""},
    ]
    assert (case.abstract, case.keywords) == ("A child with appendicitis.", ["appendix", "child"])
    assert (case.history, case.findings) == ("Pain since two days.", "Wall of 9 mm.")
    assert (case.discussion, case.differential) == ("Common in the young.", ["Crohn disease", "Diverticulitis"])
    assert (case.title, case.diagnosis, case.region) == ("Appendicitis", "Appendicitis", "Appendix")
    assert (case.pathology, case.organ_system, case.modalities) == ("Inflammation", "Gastrointestinal", ["CT"])
    assert (case.category, case.difficulty) == ("Gastrointestinal", "intermediate")
    assert [image.frames for image in case.images.all()] == [2, 1]


def test_out_again_with_what_has_no_field(tmp_path: Path, importing: Callable, exporting: Callable) -> None:
    importing(packed(tmp_path / "tce.zip"), "--publish")
    before = held()
    exporting("--format", "tce", "--output", tmp_path / "out.zip")
    dataset = information_of(tmp_path / "out.zip")
    texts = [
        (*concept_of(each), str(each.TextValue))
        for each in dataset.ContentSequence
        if each.ValueType == "TEXT" and concept_of(each)[1] != "99CDSS"
    ]
    assert texts == [*TEXTS, ("121008", "DCM", "Person Observer Name", "[name]")]
    codes = [
        (*concept_of(each), value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning)
        for each in dataset.ContentSequence
        if each.ValueType == "CODE"
        for value in each.ConceptCodeSequence
    ]
    assert codes == CODES
    emptied()
    assert importing(tmp_path / "out.zip", "--publish")["skipped"] == []
    assert differences(before, held()) == []


def test_uids_are_consistent_and_nobody_is_named(tmp_path: Path, importing: Callable, exporting: Callable) -> None:
    importing(packed(tmp_path / "tce.zip"), "--publish")
    exporting("--format", "tce", "--output", tmp_path / "out.zip")
    files = datasets_of(tmp_path / "out.zip")
    assert len({str(each.StudyInstanceUID) for each in files.values()}) == 1
    pictures = [each for name, each in files.items() if name.startswith("image")]
    named = [
        str(each.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for each in files["selection.dcm"].ContentSequence
        if each.ValueType == "IMAGE"
    ]
    assert named == [str(each.SOPInstanceUID) for each in pictures]
    assert {str(each.SOPClassUID) for each in pictures} == {"1.2.840.10008.5.1.4.1.1.7"}
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for gone in (b"Major", b"4711234", b"20100203", b"20190304", b"Hospital of Mary", b"Tech^Tom", STUDY.encode()):
        assert gone not in everything
    for uid in (*PICTURES, *SERIES, SELECTION, INFORMATION):
        assert uid.encode() not in everything


def test_a_missing_image_is_told(tmp_path: Path, importing: Callable) -> None:
    done = importing(packed(tmp_path / "tce.zip", i1_dcm=None), "--publish")
    assert [skip["reason"].split(" The ")[0] for skip in done["skipped"]] == [
        "1 of 1 images of a selected series are not there."
    ]
    assert CaseImage.objects.count() == 2


def test_a_selection_alone_is_a_case_of_its_images(tmp_path: Path, importing: Callable) -> None:
    importing(packed(tmp_path / "tce.zip", sr_dcm=None), "--publish")
    assert (Case.objects.get().abstract, CaseImage.objects.count()) == ("For teaching", 2)


def test_pictures_that_may_show_a_name_wait(tmp_path: Path, importing: Callable) -> None:
    shown = picture(PICTURES[2], SERIES[1], 1, Modality="US")
    done = importing(packed(tmp_path / "tce.zip", i2_dcm=shown), "--publish")
    assert "imported as a draft" in done["skipped"][0]["reason"]
    assert Case.objects.get().state == "draft"


def test_a_folder_is_read_too(tmp_path: Path, importing: Callable) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in members().items():
        (folder / name).write_bytes(data)
    assert importing(folder, "--publish")["cases"] == 1


def nested(depth: int) -> Dataset:
    item = text_item("X", "99SITE", "Deep", "deep")
    for _ in range(depth):
        outer = text_item("X", "99SITE", "Deep", "deep")
        outer.ContentSequence = [item]
        item = outer
    return item


DEEP = report(("TCE006", IHE, "Information"), [nested(40)], BASIC_TEXT, INFORMATION)
WIDE = report(("TCE006", IHE, "Information"), [text_item("X", "99SITE", "Wide", "x")] * 6000, BASIC_TEXT, INFORMATION)
HUGE = report(
    ("TCE006", IHE, "Information"), [text_item("121060", "DCM", "History", "x" * 2_100_000)], BASIC_TEXT, INFORMATION
)


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ({"sr_dcm": DEEP}, "nested too deeply"),
        ({"sr_dcm": WIDE}, "more than 5,000 items"),
        ({"sr_dcm": HUGE}, "longer than 2,000,000 characters"),
        ({"zeros_dcm": b"\0" * 60_000_000}, "far larger inside"),
        ({"ko_dcm": None}, "no Key Object Selection"),
        ({"ko2_dcm": members()["ko.dcm"]}, "there twice"),
    ],
)
def test_hostile_files(
    tmp_path: Path, media: Path, importing: Callable, instead: dict[str, bytes | None], said: str
) -> None:
    path = tmp_path / "tce.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members(**{name.replace("_", "."): data for name, data in instead.items()}).items():
            archive.writestr(name, data)
    done = importing(path, "--format", "tce", "--publish")
    assert said in " ".join(skip["reason"] for skip in done["skipped"])
    if "ko2_dcm" not in instead:
        assert (done.code, LibraryItem.objects.exists(), files_in(media)) == (2, False, [])


@pytest.mark.parametrize("name", ["../ko.dcm", "/ko.dcm", "C:\\ko.dcm"])
def test_a_path_outside_is_refused(tmp_path: Path, media: Path, importing: Callable, name: str) -> None:
    path = tmp_path / "in" / "tce.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members().items():
            archive.writestr(name if member == "ko.dcm" else member, data)
    done = importing(path, "--format", "tce")
    assert "outside the ZIP file" in done["skipped"][0]["reason"]
    assert (LibraryItem.objects.exists(), files_in(media)) == (False, [])


def test_truncated_files_are_told(tmp_path: Path, importing: Callable) -> None:
    for cut in (140, 300, 600):
        done = importing(packed(tmp_path / f"{cut}.zip", ko_dcm=members()["ko.dcm"][:cut]), "--format", "tce")
        assert done.code == 2
    assert not LibraryItem.objects.exists()


def concept_of(item: Dataset) -> tuple[str, str, str]:
    (concept,) = item.ConceptNameCodeSequence
    return str(concept.CodeValue), str(concept.CodingSchemeDesignator), str(concept.CodeMeaning)


def datasets_of(path: Path) -> dict[str, Dataset]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".dcm")]
        return {name: pydicom.dcmread(io.BytesIO(archive.read(name))) for name in names}


def information_of(path: Path) -> Dataset:
    return datasets_of(path)["information.dcm"]
