import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from cdss.library.intake import IntakeError, image_intake, images_intake, stack_intake
from tests.retrieval.dicom_files import dataset, dicom_bytes, written
from tests.retrieval.test_imaging import encoded, png_header

# The mode of the site is asked of the database.
pytestmark = pytest.mark.django_db

NAME, NUMBER = "Specimen^Invented", "T-0001"


def scan(value: int = 0, **elements: object) -> bytes:
    return dicom_bytes((np.arange(600).reshape(20, 30) + value).astype(np.uint16), **elements)


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def shown(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_picture_becomes_a_png_of_its_pixels() -> None:
    colour = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    image = image_intake(upload=encoded(Image.fromarray(colour), "PNG"), name="scan.png")
    assert (image.width, image.height, image.frames, image.source_frames) == (30, 20, 1, 1)
    assert (image.modality, image.region, image.plane, dict(image.removed)) == ("", "", "", {})
    assert np.array_equal(shown(image.pngs[0]), colour)
    assert len(image.sha256) == 64


def test_the_same_pixels_have_the_same_digest() -> None:
    grey = Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30))
    first, second = (image_intake(upload=encoded(grey, format)) for format in ("PNG", "BMP"))
    assert first.sha256 == second.sha256
    assert shown(first.pngs[0]).ndim == 2


def test_metadata_of_a_picture_is_counted_and_gone() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Specimen Invented, 12 May"
    data = encoded(Image.new("RGB", (30, 20)), "JPEG", exif=exif)
    assert b"Specimen" in data
    image = image_intake(upload=data)
    assert dict(image.removed) == {"metadata": 1}
    assert b"Specimen" not in image.pngs[0]


def test_of_a_dicom_file_only_pixels_and_listed_facts_stay() -> None:
    made = dataset(
        np.arange(600).reshape(20, 30).astype(np.uint16),
        PatientBirthDate="19500101", PatientAge="075Y", AccessionNumber="A-77", InstitutionName="Invented Hospital",
        ReferringPhysicianName="Doctor^Made", StudyDescription="chest of Specimen Invented", BodyPartExamined="CHEST",
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PatientAddress="1 Nowhere Street", DeviceSerialNumber="S-1",
    )  # fmt: skip
    made.private_block(0x0011, "INVENTED", create=True).add_new(1, "LO", "private Specimen")
    image = image_intake(upload=written(made), name="scan.dcm")
    assert (image.modality, image.region, image.plane, image.says_burned_in) == ("CT", "Thorax", "Axial", False)
    assert image.removed == {
        "address": 1, "age": 1, "date": 1, "device": 1, "institution": 1, "name": 2, "private": 2, "record": 2,
        "text": 1, "uid": 3,
    }  # fmt: skip
    everything = b"".join(image.pngs) + repr(image).encode()
    for value in (b"Specimen", b"T-0001", b"1950", b"A-77", b"Hospital", b"Nowhere"):
        assert value not in everything


def test_identifiers_in_nested_sequences_are_counted() -> None:
    inner = dataset(None, OtherPatientIDs="X-9")
    del inner.file_meta
    image = image_intake(upload=scan(RequestAttributesSequence=[inner]))
    assert image.removed["name"] == 2
    assert image.removed["record"] == 3


@pytest.mark.parametrize(
    ("elements", "modality", "region", "plane"),
    [
        ({"Modality": "MR", "ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "MR", "", "Sagittal"),
        ({"Modality": "MR", "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "MR", "", "Coronal"),
        ({"Modality": "CR", "ViewPosition": "PA", "BodyPartExamined": "chest"}, "CR", "Thorax", "PA"),
        ({"Modality": "Specimen", "BodyPartExamined": "Specimen", "ViewPosition": "Specimen"}, "", "", ""),
        ({"ImageOrientationPatient": [0.7, 0.7, 0, 0, 0, -1]}, "CT", "", ""),
        ({"ImageOrientationPatient": [1, 0, 0]}, "CT", "", ""),
    ],
)
def test_facts_come_from_closed_lists_only(elements: Any, modality: str, region: str, plane: str) -> None:
    image = image_intake(upload=scan(**elements))
    assert (image.modality, image.region, image.plane) == (modality, region, plane)


def test_a_file_that_says_it_has_text_in_its_pixels_is_marked() -> None:
    assert image_intake(upload=scan(BurnedInAnnotation="YES")).says_burned_in
    assert not image_intake(upload=scan(BurnedInAnnotation="NO")).says_burned_in


def test_frames_are_kept_evenly() -> None:
    stored = np.stack([np.full((8, 8), value, dtype=np.uint8) for value in range(101)])
    stored[:, 0, 0] = 255
    image = image_intake(upload=dicom_bytes(stored, WindowCenter=127.5, WindowWidth=256), kept_frames=5)
    assert (image.frames, image.source_frames) == (5, 101)
    assert [int(shown(png)[4, 4]) for png in image.pngs] == [0, 25, 50, 75, 100]


def test_slices_become_one_stack() -> None:
    image = stack_intake(uploads=[scan(number) for number in range(10)], kept_frames=3)
    assert (image.frames, image.source_frames, image.modality) == (3, 10, "CT")
    assert image.removed["name"] == 3
    assert stack_intake(uploads=[scan()]).frames == 1


def test_an_uploaded_file_a_path_and_bytes_are_all_read(tmp_path: Path) -> None:
    data = encoded(Image.new("L", (9, 7), 5), "PNG")
    (tmp_path / "x.png").write_bytes(data)
    digests = {
        image_intake(upload=upload).sha256
        for upload in (data, tmp_path / "x.png", SimpleUploadedFile("x.png", data), io.BytesIO(data))
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (dicom_bytes(None), "holds no pixels"),
        (scan()[:-300], "truncated"),
        (png_header(30_000, 30_000), "30,000 × 30,000"),
        (zipped(("a.txt", b"x")), "ZIP file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_name(data: bytes, says: str) -> None:
    with pytest.raises(IntakeError, match=rf"^odd\.bin: .*{says}"):
        image_intake(upload=data, name="../../etc/odd.bin")
    with pytest.raises(IntakeError, match=says):
        image_intake(upload=SimpleUploadedFile("odd.bin", data))


def test_limits_are_those_of_the_settings(settings: Any) -> None:
    settings.IMAGE_MAX_PIXELS = 500
    with pytest.raises(IntakeError, match="30 × 20 pixels"):
        image_intake(upload=scan())
    settings.IMAGE_MAX_PIXELS, settings.UPLOAD_MAX_BYTES = 1000, 1000
    with pytest.raises(IntakeError, match="MB; at most"):
        image_intake(upload=io.BytesIO(scan()))


def test_a_zip_of_pictures_and_series_becomes_images_and_stacks() -> None:
    first, second = "1.2.3.1", "1.2.3.2"
    members = [
        (f"a/{number}.dcm", scan(10 * number, SeriesInstanceUID=first, InstanceNumber=9 - number))
        for number in range(4)
    ]
    members += [("b.dcm", scan(SeriesInstanceUID=second)), ("c.png", encoded(Image.new("L", (5, 5)), "PNG"))]
    members += [("__MACOSX/._c.png", b"junk"), ("a/.DS_Store", b"junk")]
    images = images_intake(upload=zipped(*members), name="study.zip")
    assert [image.frames for image in images] == [4, 1, 1]
    assert images[1].sha256 == image_intake(upload=members[4][1]).sha256
    # In the order of the instance numbers, not of the names.
    assert images[0].pngs[0] == image_intake(upload=members[3][1]).pngs[0]


def test_one_bad_member_is_named() -> None:
    with pytest.raises(IntakeError, match=r"^broken\.png: "):
        images_intake(upload=zipped(("x/broken.png", b"no image")), name="study.zip")


def test_an_image_that_is_no_zip_is_read_alone() -> None:
    assert len(images_intake(upload=scan())) == 1
