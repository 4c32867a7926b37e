"""Masks out as DICOM segmentations and in again."""

import io

import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library.models import CaseImage
from cdss.regions.models import Origin, Proposal, RegionMask, Structure
from cdss.regions.segmentation_reading import MOST_BYTES
from cdss.regions.segmentations import segmentation_of, segmentation_read
from cdss.regions.services import RefusedError, mask_of, mask_save
from tests.cdss.regions.conftest import MakeImage, liver, other_picture


@pytest.fixture
def mask(livers: list[CaseImage], educator: User) -> RegionMask:
    structure = Structure.objects.create(name="Liver", by=educator)
    return mask_save(structure=structure, image=livers[0], frame=0, mask=liver(1).mask, by=educator)


def test_what_is_written_is_read_again(mask: RegionMask) -> None:
    data = segmentation_of(mask)
    assert np.array_equal(segmentation_read(data, image=mask.image, frame=0), liver(1).mask)
    dataset = pydicom.dcmread(io.BytesIO(data))
    assert dataset.SOPClassUID.name == "Segmentation Storage"
    assert (dataset.Rows, dataset.Columns) == (96, 96)
    assert dataset.SegmentSequence[0].SegmentLabel == "Liver"
    assert dataset.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    assert str(dataset.PatientName) == str(dataset.PatientID) == ""


def test_a_mask_that_was_proposed_says_so(mask: RegionMask) -> None:
    proposal = Proposal.objects.create(
        structure=mask.structure, image=mask.image, runs=mask.runs, area=mask.area, by=mask.by
    )
    kept = mask_save(
        structure=mask.structure, image=mask.image, frame=0, mask=mask_of(mask), by=mask.by, proposal=proposal
    )
    described = pydicom.dcmread(io.BytesIO(segmentation_of(kept))).SegmentSequence[0]
    assert described.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert "Nearest patches" in described.SegmentAlgorithmName


def test_one_pixel_and_all_pixels_come_back(mask: RegionMask, educator: User) -> None:
    one = np.zeros((96, 96), bool)
    one[95, 0] = True
    for wanted in (one, np.ones((96, 96), bool)):
        kept = mask_save(structure=mask.structure, image=mask.image, frame=0, mask=wanted, by=educator)
        assert np.array_equal(segmentation_read(segmentation_of(kept), image=mask.image, frame=0), wanted)


def test_a_segmentation_of_another_image_is_refused(mask: RegionMask, livers: list[CaseImage]) -> None:
    data = segmentation_of(mask)
    with pytest.raises(RefusedError, match="made on another image"):
        segmentation_read(data, image=livers[1], frame=0)
    with pytest.raises(RefusedError, match="made on another image"):
        segmentation_read(data, image=mask.image, frame=3)


def test_a_segmentation_of_another_size_is_refused(mask: RegionMask, make_image: MakeImage) -> None:
    with pytest.raises(RefusedError, match="the image is 80 × 64"):
        segmentation_read(segmentation_of(mask), image=make_image(other_picture()), frame=0)


def test_hostile_files_are_refused(mask: RegionMask) -> None:
    whole = segmentation_of(mask)
    random = np.random.default_rng(3)
    for _ in range(60):
        hurt = bytearray(whole)
        for place in random.integers(132, len(hurt), 12):
            hurt[place] = random.integers(0, 256)
        try:
            found = segmentation_read(bytes(hurt[: random.integers(140, len(hurt))]), image=mask.image, frame=0)
        except RefusedError:
            continue
        assert found.shape == (96, 96)


@pytest.mark.parametrize("data", [b"", b"not DICOM", b"\0" * 128 + b"DICM", b"x" * (MOST_BYTES + 1)])
def test_what_is_no_segmentation_is_refused(mask: RegionMask, data: bytes) -> None:
    with pytest.raises(RefusedError):
        segmentation_read(data, image=mask.image, frame=0)


def test_another_kind_of_dicom_is_refused(mask: RegionMask) -> None:
    dataset = pydicom.dcmread(io.BytesIO(segmentation_of(mask)))
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data = io.BytesIO()
    dataset.save_as(data)
    with pytest.raises(RefusedError, match="not a segmentation"):
        segmentation_read(data.getvalue(), image=mask.image, frame=0)


def test_the_pages_write_and_read(client: Client, mask: RegionMask, educator: User) -> None:
    client.force_login(educator)
    answer = client.get(f"/regions/masks/{mask.pk}/segmentation/")
    assert answer["Content-Type"] == "application/dicom"
    assert Event.objects.get(action="regions.mask_exported").details["bytes"] == len(answer.content)
    address = f"/regions/structures/{mask.structure_id}/read/?image={mask.image_id}&frame=0"
    file = SimpleUploadedFile("mask.dcm", answer.content, "application/dicom")
    assert client.post(address, {"file": file}).status_code == 302
    kept = RegionMask.objects.current().get()
    assert (kept.origin, kept.runs) == (Origin.READ, mask.runs)
    for bad in (SimpleUploadedFile("mask.dcm", b"nothing"), ""):
        text = client.post(address, {"file": bad}, follow=True).content.decode()
        assert "DICOM" in text
    assert RegionMask.objects.count() == 2
