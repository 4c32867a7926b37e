"""What comes of the files of a study: order, stacks, values, refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, UltrasoundMultiFrameImageStorage

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library.models import Case
from cdss.library.rows import patient_group
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import frame_path
from cdss.studies.models import Series, StudyUpload
from cdss.studies.services import draft_begin
from cdss.studies.shown import Shown, of_series
from tests.cdss.studies.conftest import read_files
from tests.cdss.studies.dicoms import ct, new_uid, study, values_at, written, zipped

Upload = Callable[[list[tuple[str, bytes]]], StudyUpload]


def held(site: Path) -> list[Path]:
    return [path for path in site.rglob("*") if path.is_file() and path.suffix in (".held", ".gz", ".part")]


def test_slices_lie_by_their_place_and_not_by_number_or_name(upload: Upload) -> None:
    heights = [30.0, 10.0, 0.0, 20.0]
    files = [(f"z{number}", written(ct(number, z=z))) for number, z in enumerate(heights)]
    assert upload(files).state == "done"
    series = Series.objects.get()
    assert [fact["position"][2] for fact in series.frame_facts] == [0.0, 10.0, 20.0, 30.0]
    shown = of_series(series)
    for frame, number in enumerate((2, 1, 3, 0)):
        assert np.array_equal(shown.values(frame), values_at(number))


def test_a_sagittal_series_lies_along_its_own_normal(upload: Upload) -> None:
    sagittal = [0, 1, 0, 0, 0, -1]
    for_place = [
        (f"{x}", written(ct(number, ImageOrientationPatient=sagittal, ImagePositionPatient=[x, 0, 0])))
        for number, x in enumerate([5.0, -5.0, 0.0])
    ]
    upload(for_place)
    series = Series.objects.get()
    assert [fact["position"][0] for fact in series.frame_facts] == [5.0, 0.0, -5.0]
    assert series.plane == "Sagittal"


def test_without_a_place_the_instance_number_tells(upload: Upload) -> None:
    numbers = [3, 1, 2]
    files = [
        (f"{number}", written(ct(number, ImagePositionPatient=None, ImageOrientationPatient=None)))
        for number in numbers
    ]
    upload(files)
    shown = of_series(Series.objects.get())
    assert [shown.values(frame)[0, 0] for frame in range(3)] == [values_at(number)[0, 0] for number in (1, 2, 3)]


def test_other_directions_and_sizes_are_stacks_of_their_own(upload: Upload) -> None:
    axial = study(3)
    scout = [("scout", written(ct(50, ImageOrientationPatient=[1, 0, 0, 0, 0, -1])))]
    large = [("large", written(ct(60, pixels=values_at(60, 40, 40))))]
    other = [("other", written(ct(70, SeriesInstanceUID=new_uid(), SeriesNumber=2)))]
    upload([*axial, *scout, *large, *other])
    found = [(row.frames, row.plane, row.rows) for row in Series.objects.order_by("position")]
    assert sorted(found) == sorted([(3, "Axial", 20), (1, "Coronal", 20), (1, "Axial", 40), (1, "Axial", 20)])


def test_echoes_of_one_place_are_stacks_of_their_own(upload: Upload) -> None:
    files = [
        (f"{echo}-{z}", written(ct(10 * echo + z, z=z, EchoTime=echo, Modality="MR")))
        for echo in (5, 9)
        for z in range(3)
    ]
    upload(files)
    assert [row.frames for row in Series.objects.all()] == [3, 3]


def test_values_scale_and_windows_are_kept_at_full_depth(series: Series, shown: Shown) -> None:
    assert (series.pixels, series.unit, series.bits) == ("uint16", "HU", 12)
    assert shown.spacing == (0.5, 0.75)
    assert series.windows == [[40, 400], [-600, 1500]]
    assert shown.values(2).min() < -900
    assert shown.values(2).max() > 1400


def test_signed_values_and_bits_beyond_those_stored(upload: Upload) -> None:
    values = np.array([[-1000, 500], [2047, -2048]], dtype=np.int16)
    # Overlays of old files lie in the upper four bits.
    stored = (values & 0x0FFF) | (0x5 << 12)
    signed = ct(1, pixels=values, PixelRepresentation=1, RescaleIntercept=0, PixelData=stored.astype("<i2").tobytes())
    assert upload([("a", written(signed))]).state == "done"
    series = Series.objects.get()
    assert series.pixels == "int16"
    assert np.array_equal(of_series(series).values(0), values)


def test_a_slope_of_its_own_for_each_slice(upload: Upload) -> None:
    files = [
        (
            f"{n}",
            written(ct(n, RescaleSlope=n + 0.5, RescaleIntercept=0, Modality="PT", Units="BQML", RescaleType=None)),
        )
        for n in range(2)
    ]
    upload(files)
    shown = of_series(Series.objects.get())
    assert shown.unit == "Bq/ml"
    for frame in range(2):
        assert np.allclose(shown.values(frame), (values_at(frame) + 1024.0) * (frame + 0.5))


def test_frames_of_an_enhanced_object_have_their_own_places(upload: Upload) -> None:
    stack = np.stack([values_at(number) for number in range(3)])
    enhanced = ct(1, pixels=stack, SOPClassUID=EnhancedCTImageStorage, NumberOfFrames=3, ImagePositionPatient=None,
                  ImageOrientationPatient=None, PixelSpacing=None)  # fmt: skip
    shared, frames = Dataset(), []
    shared.PlaneOrientationSequence = Sequence([Dataset()])
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = Sequence([Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = [2, 2]
    for z in (4.0, 0.0, 2.0):
        frame = Dataset()
        frame.PlanePositionSequence = Sequence([Dataset()])
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, z]
        frames.append(frame)
    enhanced.SharedFunctionalGroupsSequence = Sequence([shared])
    enhanced.PerFrameFunctionalGroupsSequence = Sequence(frames)
    assert upload([("e", written(enhanced))]).state == "done"
    series = Series.objects.get()
    assert [fact["number"] for fact in series.frame_facts] == [2, 3, 1]
    assert (series.row_spacing, series.frames) == (2.0, 3)
    assert np.array_equal(of_series(series).values(0), values_at(1))


def test_a_run_of_frames_in_colour_keeps_its_time(upload: Upload) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (4, 10, 12, 3), dtype=np.uint8)
    cine = ct(1, Modality="US", SOPClassUID=UltrasoundMultiFrameImageStorage, NumberOfFrames=4, SamplesPerPixel=3,
              PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8, BitsStored=8, HighBit=7,
              FrameTime=40, Rows=10, Columns=12, PixelData=pixels.tobytes(), ImagePositionPatient=None,
              ImageOrientationPatient=None)  # fmt: skip
    upload([("us", written(cine))])
    series = Series.objects.get()
    assert (series.pixels, series.frames, series.frame_time, series.unit) == ("rgb8", 4, 40.0, "")
    assert np.array_equal(of_series(series).stored(2), pixels[2])


def test_nothing_that_names_anybody_is_kept(upload: Upload, draft: Case, site: Path) -> None:
    done = upload(study(2))
    row = Series.objects.get()
    kept = json.dumps([[str(getattr(row, field.name)) for field in row._meta.concrete_fields], done.report])
    for word in ("Muster", "4711", "hospital", "1.2.826.0.1.3680043.9.1"):
        assert word not in kept
    assert row.removed_identifiers["name"] == 2
    assert all(path.read_bytes().startswith(b"CDSSENC1") for path in held(site))
    draft.refresh_from_db()
    assert draft.source_group == patient_group(draft.source_name, "MRN-4711")


def test_the_upload_is_gone_when_it_was_read_and_the_trail_says_so(upload: Upload, site: Path) -> None:
    upload(study(2))
    assert not list(site.rglob("*.held"))
    event = Event.objects.get(action="studies.uploaded")
    assert event.details == {"series": 1, "frames": 2}


def test_the_same_study_again_changes_nothing(upload: Upload) -> None:
    upload(study(3))
    before = Series.objects.get()
    again = upload(list(reversed(study(3))))
    assert (again.state, again.report["unchanged"], again.report["series"]) == ("done", 1, [])
    assert Series.objects.get().folder == before.folder


def test_a_zip_of_folders_with_what_systems_add(upload: Upload) -> None:
    members = [(f"DICOM/S1/{name}", content) for name, content in study(4)]
    members += [("DICOMDIR", b"x"), ("__MACOSX/._IM", b"x"), ("readme.txt", b"hello")]
    done = upload([("study.zip", zipped(members))])
    assert (done.state, Series.objects.get().frames) == ("done", 4)
    assert json.loads(done.remarks) == ["readme.txt: not a DICOM file"]


def test_a_file_that_is_there_twice_is_read_once(upload: Upload) -> None:
    done = upload([*study(2), ("copy.dcm", study(1)[0][1])])
    assert Series.objects.get().frames == 2
    assert "twice" in done.remarks


REFUSED: dict[str, tuple[list[tuple[str, bytes]], str]] = {
    "no DICOM": ([("a.txt", b"hello world, this is no image")], "No image of DICOM"),
    "an empty ZIP": ([("a.zip", zipped([]))], "holds no files"),
    "a path outside": ([("a.zip", zipped([("../../evil.dcm", study(1)[0][1])]))], "points outside"),
    "a ZIP in a ZIP": ([("a.zip", zipped([("b.zip", zipped(study(1)))]))], "archive inside"),
    "a damaged ZIP": ([("a.zip", zipped(study(3))[:-200])], "damaged"),
    "a bomb": ([("a.zip", zipped([("a.dcm", b"\0" * 64_000_000)]))], "larger inside than outside"),
    "two patients": ([*study(2), ("x", written(ct(9, PatientID="OTHER")))], "2 patients"),
    "one name for two images": (
        [*study(1), ("x", written(ct(5, SOPInstanceUID=str(ct(0).SOPInstanceUID))))], "claims to be the same image",
    ),
    "cut off": ([*study(2), ("cut.dcm", study(4)[3][1][:-300])], "cannot be decoded"),
    "a lying size": ([("big.dcm", written(ct(1, Rows=30_000, Columns=30_000)))], "megapixels"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_nothing(upload: Upload, site: Path, name: str) -> None:
    files, says = REFUSED[name]
    done = upload(files)
    assert done.state == "failed"
    assert says in done.message
    assert not Series.objects.exists()
    assert held(site) == []


def test_a_zip_with_a_password(upload: Upload) -> None:
    content = bytearray(zipped(study(1)))
    # The flag of encryption, in the local header and in the directory.
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    assert "password" in upload([("a.zip", bytes(content))]).message


def test_limits_of_a_study_hold(upload: Upload, settings: Any) -> None:
    settings.STUDY_MAX_PIXELS = 2 * 20 * 30
    assert "megapixels in all its frames" in upload(study(3)).message
    settings.STUDY_MAX_FILES = 2
    assert "at most 2 are accepted" in upload([("a.zip", zipped(study(3)))]).message
    with pytest.raises(StudyError, match="at most 2 files"):
        upload(study(3))
    settings.STUDY_MAX_BYTES = 2000
    with pytest.raises(StudyError, match="at most 0 MB"):
        upload(study(2))


def test_a_study_of_another_patient_is_refused_by_the_case(upload: Upload, draft: Case, educator: User) -> None:
    upload(study(2))
    other = [
        (
            "x",
            written(
                ct(
                    1,
                    PatientID="OTHER",
                    StudyInstanceUID=new_uid(),
                    SeriesInstanceUID=new_uid(),
                    SOPInstanceUID=new_uid(),
                )
            ),
        )
    ]
    assert "another patient than this case" in upload(other).message
    assert read_files(draft_begin(title="Another", by=educator), educator, other).state == "done"


def test_text_in_the_pixels_that_is_not_looked_for_is_refused(upload: Upload) -> None:
    assert "burnt into the pixels" in upload(study(1, BurnedInAnnotation="YES")).message


def test_frames_are_files_of_their_series_alone(series: Series) -> None:
    names = sorted(path.name for path in frame_path(series.folder, 0).parent.iterdir())
    assert names == [f"{number:05}.gz" for number in range(5)]
