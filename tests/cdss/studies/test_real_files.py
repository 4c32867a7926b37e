"""Every DICOM sample of the measuring data, as a study of its own: read at full depth, or refused with a reason."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cdss.accounts.models import User
from cdss.studies.models import Series
from cdss.studies.services import draft_begin
from cdss.studies.shown import of_series
from tests.cdss.studies.conftest import read_files

DATA = Path(os.environ.get("CDSS_TEST_DATA", "")) / "dicom" / "samples"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="CDSS_TEST_DATA has no dicom/samples"),
]
FILES = sorted(DATA.glob("*.dcm")) if DATA.is_dir() else []
# Reports, plans, waveforms, what is damaged, and one whose header says that it has burnt-in text.
NO_PICTURE = {"GREYSCALE_IMAGE", "emri_small_jpeg_2k_lossless_too_short", "MR_truncated", "no_meta", "reportsi",
              "rtplan", "rtstruct", "waveform_ecg"}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_is_read_at_full_depth_or_refused_with_a_reason(path: Path, educator: User) -> None:
    done = read_files(draft_begin(title="A sample", by=educator), educator, [(path.name, path.read_bytes())])
    if path.stem in NO_PICTURE:
        assert done.state == "failed"
        assert len(done.message) > 20
        return
    assert done.state == "done", done.message
    frames = sum(series.frames for series in Series.objects.all())
    dataset = pydicom.dcmread(path)
    assert frames == int(dataset.get("NumberOfFrames") or 1)
    _same_values(of_series(Series.objects.earliest("position")), dataset)


def _same_values(shown, dataset) -> None:  # type: ignore[no-untyped-def]
    if shown.pixels == "rgb8" or shown.frames > 1 or "ModalityLUTSequence" in dataset:
        return
    if str(dataset.get("BurnedInAnnotation", "")) == "YES":
        return
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    expected = dataset.pixel_array * slope + intercept
    assert np.allclose(shown.values(0), expected, rtol=1e-4, atol=0.5)


def test_two_files_that_claim_to_be_one_image_are_refused(educator: User) -> None:
    files = [(name, (DATA / name).read_bytes()) for name in ("ctbrain2.dcm", "ctbrain1.dcm")]
    done = read_files(draft_begin(title="Brain", by=educator), educator, files)
    assert "claims to be the same image" in done.message
    assert not Series.objects.exists()
