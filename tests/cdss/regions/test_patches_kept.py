"""Patches are made once, kept with their encoder, and go with what they were made of."""

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from cdss.indexing.encoding import patches
from cdss.indexing.encoding.patches import FRAMES, frame_pixels, patches_build, patches_state, regions_search
from cdss.indexing.models import PatchEmbedding
from cdss.library.models import CaseImage, LibraryItem, Quarantine, State, Visibility
from cdss.locks.modes import LockedError
from retrieval.errors import EncoderError, ImageError
from retrieval.patches import COMPACT
from retrieval.types import Box
from tests.cdss.regions.conftest import MakeImage, liver, other_picture

WHOLE = Box(0, 0, 80, 60)


def test_only_what_is_missing_is_made(livers: list[CaseImage], make_image: MakeImage, monkeypatch) -> None:
    steps: list[tuple[str, int, int]] = []
    assert patches_build(progress=lambda *step: steps.append(step)) == 3
    assert steps[-1] == ("patches", 0, 0) or ("patches", 3, 3) in steps
    kept = dict(PatchEmbedding.objects.values_list("image_id", "pk"))
    make_image(other_picture())
    assert patches_state().missing == 1
    assert patches_build() == 1
    assert patches_state().missing == 0
    assert {pk: kept[pk] for pk in kept}.items() <= dict(PatchEmbedding.objects.values_list("image_id", "pk")).items()


def test_a_stopped_run_goes_on(livers: list[CaseImage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "IMAGES_AT_ONCE", 1)

    def stop(step: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        patches_build(progress=stop)
    assert PatchEmbedding.objects.count() == 2
    assert patches_build() == 1


def test_drafts_have_none_and_the_deleted_leave_none(livers: list[CaseImage], make_image: MakeImage) -> None:
    make_image(other_picture(), state=State.DRAFT)
    assert patches_build() == 3
    livers[0].delete()
    assert PatchEmbedding.objects.count() == 2


def test_what_is_kept_is_bounded(make_image: MakeImage) -> None:
    make_image(np.zeros((40, 1500, 3), np.uint8))
    patches_build()
    row = PatchEmbedding.objects.get()
    assert (row.rows, row.columns) == (1, 16)
    assert len(row.vectors) <= 16 * 16 * 128
    assert COMPACT in row.encoder


def test_of_a_stack_some_frames_are_kept_under_their_own_numbers(livers: list[CaseImage], monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(
        patches, "frame_pixels", lambda image, frame, masked: shown.append(frame) or other_picture(frame)
    )
    CaseImage.objects.exclude(pk=livers[0].pk).delete()
    CaseImage.objects.filter(pk=livers[0].pk).update(frames=300)
    patches_build()
    assert list(PatchEmbedding.objects.order_by("frame").values_list("frame", flat=True)) == shown
    assert (len(shown), shown[0], shown[-1]) == (FRAMES, 0, 299)


def test_another_encoder_makes_its_own_and_the_old_go_at_the_end(livers: list[CaseImage], monkeypatch) -> None:
    patches_build()
    from retrieval.encoders.hashing import HashingImageEncoder

    monkeypatch.setattr(HashingImageEncoder, "patches_version", property(lambda self: "hashing-patches-2"))
    assert patches_state().done == 0
    assert regions_search(user=None, pixels=other_picture(), box=WHOLE, excluded=(), k=5)[0] == []
    assert patches_build() == 3
    assert {encoder.partition("|")[0] for encoder in PatchEmbedding.objects.values_list("encoder", flat=True)} == {
        "hashing-patches-2"
    }


def test_overlays_are_masked_where_the_collection_says_so(make_image: MakeImage) -> None:
    make_image(other_picture(), masked=True)
    patches_build()
    assert PatchEmbedding.objects.get().encoder.endswith("|masked")


def test_an_image_that_cannot_be_read_is_left_out(livers: list[CaseImage]) -> None:
    livers[0].file.storage.delete(livers[0].file.name)
    assert patches_build() == 2
    assert patches_state().missing == 1


@pytest.mark.parametrize("frame", [-1, 1, 10**9])
def test_there_is_no_other_frame(livers: list[CaseImage], frame: int) -> None:
    with pytest.raises(ImageError, match="counted from 0"):
        frame_pixels(livers[0], frame, masked=False)


def test_nothing_is_found_that_may_not_be_seen(make_image: MakeImage, clinician, make_user) -> None:
    stranger = make_user("stranger", department="surgery")
    private = make_image(liver(1).pixels, owner=clinician, visibility=Visibility.PRIVATE)
    shared = make_image(liver(2).pixels, owner=clinician, visibility=Visibility.DEPARTMENT)
    public = make_image(liver(3).pixels)
    patches_build()

    def cases(user) -> set[int]:
        hits, _ = regions_search(user=user, pixels=liver(1).pixels, box=WHOLE, excluded=(), k=9)
        return {hit.group for hit in hits}

    assert cases(clinician) == {private.case_id, shared.case_id, public.case_id}
    assert cases(stranger) == {public.case_id}
    LibraryItem.objects.filter(pk=public.case_id).update(recalled="retracted")
    assert cases(stranger) == set()
    LibraryItem.objects.filter(pk=public.case_id).update(recalled="")
    Quarantine.objects.create(source_name="tests", reason="x", by=clinician)
    assert cases(stranger) == set()


def test_a_copy_is_the_first_that_is_found(prepared: list[CaseImage], make_image: MakeImage) -> None:
    pixels = liver(2).pixels
    hits, places = regions_search(user=None, pixels=pixels, box=Box(20, 20, 40, 30), excluded=(), k=3)
    assert places[hits[0].id] == (prepared[1].pk, 0)
    assert hits[0].score > hits[1].score
    hits, _ = regions_search(user=None, pixels=pixels, box=WHOLE, excluded={prepared[1].case_id}, k=3)
    assert prepared[1].case_id not in {hit.group for hit in hits}


def test_locked_to_text_nothing_is_made_or_searched(livers: list[CaseImage], settings) -> None:
    settings.LOCKED_MODES = ["text-only"]
    assert patches_build() == 0
    with pytest.raises(LockedError):
        regions_search(user=None, pixels=other_picture(), box=WHOLE, excluded=(), k=5)


def test_an_encoder_without_patches_says_so(livers: list[CaseImage], monkeypatch) -> None:
    monkeypatch.setattr(patches, "image_encoder", lambda: object())
    with pytest.raises(EncoderError, match="gives no patches"):
        patches_build()


def test_the_command_makes_them_on_request(livers: list[CaseImage]) -> None:
    out = StringIO()
    call_command("build_index", stdout=out)
    assert PatchEmbedding.objects.count() == 0
    call_command("build_index", "--patches", stdout=out)
    assert "patches of 3 images were made" in out.getvalue()
