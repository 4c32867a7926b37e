"""The basic profile of PS3.15 on a dataset with every attribute of its table, and on every DICOM file at hand."""

import io
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from cdss.library.date_shift import DateShift
from cdss.library.dicom_profile import DUMMIES, DUMMY_TEXT, STANDARD_UIDS, action_of, deidentify_dataset, table

MARK = "ZQXJ"
META = 0x0002
OLD_UID = "1.2.3.4.5"
# What pydicom's dictionary does not have yet.
NEWER = "UT"
VALUES = {
    "DA": "20200305", "DT": "20200305123456", "TM": "123456", "AS": "058Y", "DS": "4711.5", "IS": "4711", "US": 4711,
    "OB": MARK.encode(), "UN": MARK.encode(), "UR": f"http://{MARK}.example.org", "CS": MARK, "AE": MARK,
}  # fmt: skip


def value_of(vr: str) -> object:
    if vr == "SQ":
        item = Dataset()
        item.PatientName, item.StudyDate, item.TextValue = f"{MARK}^Nested", "20200305", MARK
        item.ReferencedSOPInstanceUID = f"{OLD_UID}.9"
        item.add_new(0x00091001, "LO", MARK)
        return Sequence([item])
    return f"{OLD_UID}.1" if vr == "UI" else VALUES.get(vr, MARK)


def whole_table() -> Dataset:
    dataset = Dataset()
    for tag in table():
        if len(tag) == 2:
            number = (tag[0] << 16) | tag[1]
            vr = dictionary_VR(number) if dictionary_has_tag(number) else NEWER
            if tag[0] > META:
                dataset.add(DataElement(Tag(number), vr.split(" ")[0], value_of(vr)))
    for number in (0x50000010, 0x50023000, 0x60003000, 0x60004000, 0x60023000):
        dataset.add(DataElement(Tag(number), "OB" if number & 0xFFFF == 0x3000 else "LO", value_of("LO").encode()
                                if number & 0xFFFF == 0x3000 else MARK))  # fmt: skip
    dataset.add_new(0x00090010, "LO", MARK)
    dataset.add_new(0x00091001, "LO", MARK)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    return dataset


def flat(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                yield from flat(item)
        else:
            yield element


def written(dataset: Dataset) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=False, implicit_vr=False, little_endian=True)
    return file.getvalue()


def test_the_table_is_that_of_the_standard() -> None:
    assert len(table()) == 655
    assert table()[0x0010, 0x0010] == "empty"
    assert table()[0x0010, 0x4000] == "remove"
    assert table()[0x0040, 0xA730] == "dummy"
    assert table()[0x0020, 0x000D] == "uid"


def test_every_attribute_of_the_table_is_gone_or_says_nothing() -> None:
    dataset = whole_table()
    assert {(element.tag.group, element.tag.element) for element in dataset} >= {
        tag for tag in table() if len(tag) == 2 and tag[0] > META
    }
    clean = deidentify_dataset(dataset, salt="a")
    for tag, action in table().items():
        element = clean.get(Tag(tag[0] << 16 | tag[1])) if len(tag) == 2 and tag[0] > META else None
        if action == "remove":
            assert element is None
        elif element is not None and element.VR not in ("SQ", "UI"):
            assert element.is_empty or element.value in (DUMMY_TEXT, DUMMIES.get(element.VR))
    assert not [element.tag for element in flat(clean) if element.tag.is_private]
    content = written(clean)
    assert MARK.encode() not in content
    assert b"20200305" not in content
    assert OLD_UID.encode() not in content
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_the_original_stays_as_it_was() -> None:
    dataset = whole_table()
    before = written(dataset)
    deidentify_dataset(dataset, salt="a")
    assert written(dataset) == before


def test_uids_are_mapped_the_same_everywhere_and_otherwise_with_another_salt() -> None:
    one, two = Dataset(), Dataset()
    one.StudyInstanceUID = two.StudyInstanceUID = "1.2.3"
    one.SOPInstanceUID, two.SOPInstanceUID = "1.2.3.1", "1.2.3.2"
    reference = Dataset()
    reference.ReferencedSOPInstanceUID, reference.ReferencedSOPClassUID = "1.2.3.1", "1.2.840.10008.5.1.4.1.1.2"
    two.ReferencedImageSequence = Sequence([reference])
    mapping: dict[str, str] = {}
    first, second = (deidentify_dataset(each, salt="a", mapping=mapping) for each in (one, two))
    assert first.StudyInstanceUID == second.StudyInstanceUID == mapping["1.2.3"]
    assert second.ReferencedImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert second.ReferencedImageSequence[0].ReferencedSOPClassUID.startswith(STANDARD_UIDS)
    assert all(UID(new).is_valid and len(new) <= 64 for new in mapping.values())
    assert deidentify_dataset(one, salt="b").StudyInstanceUID != first.StudyInstanceUID


def test_dates_move_with_the_patient_and_agree_with_the_history() -> None:
    dataset = Dataset()
    dataset.StudyDate, dataset.SeriesDate, dataset.AcquisitionDateTime = "20200305", "20200310", "20200305123000"
    clean = deidentify_dataset(dataset, salt="a", patient="A-1")
    shift = DateShift.of("A-1")
    assert clean.StudyDate == shift.dicom("20200305", "DA")
    assert clean.SeriesDate == shift.dicom("20200310", "DA")
    assert clean.AcquisitionDateTime == shift.dicom("20200305", "DA") + "123000"
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"


def test_the_file_meta_header_names_no_machine() -> None:
    dataset = Dataset()
    dataset.SOPInstanceUID = "1.2.3.1"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.1"
    dataset.file_meta.SourceApplicationEntityTitle = MARK
    clean = deidentify_dataset(dataset)
    assert clean.file_meta.MediaStorageSOPInstanceUID == clean.SOPInstanceUID != "1.2.3.1"
    assert clean.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert "SourceApplicationEntityTitle" not in clean.file_meta


def test_names_that_the_table_does_not_know_go_too() -> None:
    dataset = Dataset()
    dataset.add_new(tag_for_keyword("PatientBirthName"), "PN", "Smith^Mary")
    dataset.add_new(0x00120099, "LO", MARK)
    clean = deidentify_dataset(dataset)
    assert "Smith" not in str(clean)
    assert MARK not in str(clean)


def test_what_is_nested_without_end_is_refused() -> None:
    dataset = Dataset()
    inner = dataset
    for _ in range(40):
        item = Dataset()
        inner.ConceptNameCodeSequence = Sequence([item])
        inner = item
    with pytest.raises(ValueError, match="nested"):
        deidentify_dataset(dataset)


def files() -> list[Path]:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in (".dcm", ""))


def swept(paths: list[Path]) -> tuple[int, int]:
    """How many files could be read, and how many identifying attributes they held. Fails where one stays."""
    read = held = 0
    for path in paths:
        try:
            dataset = dcmread(path, force=True)
            before = [element for element in flat(dataset) if not element.is_empty]
            clean = deidentify_dataset(dataset, salt="sweep")
        except (OSError, ValueError, KeyError, NotImplementedError, AttributeError, TypeError, EOFError):
            continue
        read += 1
        held += sum(action_of(element) != "keep" for element in before)
        uids = {str(element.value) for element in before if element.VR == "UI" and action_of(element) == "uid"}
        for element in flat(clean):
            action = action_of(element)
            assert action != "remove", (path, element.tag)
            assert not element.tag.is_private, path
            if action in ("empty", "dummy") and element.VR != "UI":
                assert element.is_empty or element.value in (DUMMY_TEXT, DUMMIES.get(element.VR)), (path, element.tag)
            if element.VR == "UI" and not str(element.value).startswith(STANDARD_UIDS):
                assert str(element.value) not in uids, (path, element.tag)
    return read, held


def test_no_identifying_attribute_is_left_in_any_file_of_pydicom() -> None:
    read, held = swept(files())
    assert read >= 60
    assert held > 1000


@pytest.mark.data
def test_no_identifying_attribute_is_left_in_the_measuring_data() -> None:
    import os

    read, held = swept(
        sorted(path for path in Path(os.environ["CDSS_TEST_DATA"], "dicom").rglob("*") if path.is_file())
    )
    assert read >= 40
    assert held > 500
