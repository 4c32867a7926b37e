import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from cdss.library.image_files import image_bytes
from cdss.library.models import Case, CaseImage, State
from tests.cdss.library.conftest import files_in, write_png

STUDY = generate_uid()


def dicom(path: Path, number: int, **fields: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    values = {
        "PatientName": "Roe^Jane", "PatientID": "MRN4711", "PatientAge": "093Y", "PatientSex": "F",
        "StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.3", "SeriesNumber": 1, "InstanceNumber": number,
        "Modality": "CT", "BodyPartExamined": "CHEST", "Rows": 8, "Columns": 8, "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "AccessionNumber": "ACC1", "StudyDescription": "CT of Jane Roe",
    }  # fmt: skip
    for name, value in (values | fields).items():
        setattr(dataset, name, value)
    dataset.PixelData = np.random.default_rng(number).integers(0, 255, 64, dtype=np.uint8).tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_folder_with_labels(source: Path, run_import: Callable) -> None:
    for number in range(3):
        write_png(source / f"images/{number}.png", number)
    (source / "labels.csv").write_text(
        "path,label,patient_id,age,other\nimages/0.png,No_findings,P1,58,x\nimages/1.png,Pneumonia,P1,,x\n"
        "images/2.png,,P2,,x\nimages/9.png,Pneumonia,,,x\n../secret.png,Pneumonia,,,x\nimages/2.png,Pneumonia,P2,95,x\n"
    )
    done = run_import(source, "--publish")
    assert (done["cases"], done["images"]) == (3, 3)
    assert [skip["line"] for skip in done["skipped"]] == [4, 5, 6]
    first, second, third = Case.objects.order_by("source_id")
    assert (first.diagnosis, first.title, first.source_name) == ("No findings", "No findings", "source")
    assert first.text == "Diagnosis:\nNo findings"
    assert first.source_group == second.source_group != third.source_group
    assert "P1" not in first.source_group
    assert (first.age_years, third.age) == (58.0, "90 or older")
    assert run_import(source)["cases"] == 0


def test_a_study_becomes_a_case_and_a_series_a_stack(source: Path, run_import: Callable, media: Path) -> None:
    for number in (3, 1, 2):
        dicom(source / f"Roe_Jane_{number}.dcm", number)
    dicom(source / "b/other_series.dcm", 1, SeriesInstanceUID="1.2.4", SeriesNumber=0)
    dicom(source / "c/other_study.dcm", 1, StudyInstanceUID=generate_uid())
    done = run_import(source, "--publish")
    assert (done["cases"], done["images"], done["skipped"]) == (2, 3, [])
    case = CaseImage.objects.get(frames=3).case
    assert [(image.frames, image.modality, image.region) for image in case.images.all()] == [
        (1, "CT", "Thorax"),
        (3, "CT", "Thorax"),
    ]
    assert (case.title, case.sex, case.age, case.age_years) == ("CT study of Thorax", "female", "90 or older", 90.0)
    assert case.source_name == "DICOM"
    everything = repr(list(Case.objects.values())) + repr(list(CaseImage.objects.values()))
    assert not any(secret in everything for secret in ("Roe", "Jane", "4711", "ACC1", STUDY))
    assert not any(b"Jane" in file.read_bytes() or b"Roe" in file.name.encode() for file in files_in(media))
    assert run_import(source, "--publish")["updated"] == 0


def test_slices_stand_in_their_order(source: Path, run_import: Callable, media: Path) -> None:
    from PIL import Image

    for number in (2, 10, 1):
        dicom(source / f"{number}.dcm", number, WindowCenter=128, WindowWidth=256)
    run_import(source)
    first = Image.open(io.BytesIO(image_bytes(media / str(CaseImage.objects.get().file))))
    expected = np.random.default_rng(1).integers(0, 255, 64, dtype=np.uint8).reshape(8, 8).astype(int)
    assert np.abs(np.asarray(first.convert("L")).astype(int) - expected).max() <= 2


def test_files_that_are_no_images_are_named(source: Path, run_import: Callable) -> None:
    good = dicom(source / "a.dcm", 1)
    (source / "b.dcm").write_bytes(good.read_bytes()[:300])
    (source / "c.txt").write_text("notes")
    done = run_import(source)
    assert done["cases"] == 1
    assert {skip["reason"].split(":")[0] for skip in done["skipped"]} == {"b.dcm", "c.txt"}


def test_a_picture_that_says_it_shows_a_name_is_left_out(source: Path, run_import: Callable) -> None:
    dicom(source / "a.dcm", 1, BurnedInAnnotation="YES")
    done = run_import(source)
    assert done.code == 2
    assert "burnt into the pixels" in done["skipped"][0]["reason"]
    assert not Case.objects.exists()


@pytest.mark.parametrize(("says", "state"), [("", State.DRAFT), ("NO", State.PUBLISHED)])
def test_an_ultrasound_waits_for_a_person(source: Path, run_import: Callable, says: str, state: str) -> None:
    dicom(source / "a.dcm", 1, Modality="US", BurnedInAnnotation=says)
    done = run_import(source, "--publish")
    assert Case.objects.get().state == state
    assert bool(done["skipped"]) == (state == State.DRAFT)
