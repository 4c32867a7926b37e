"""From a structure that is masked on some images to a mask on another: drawn, proposed, accepted, corrected."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.db import connection
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.library.models import CaseImage, Visibility
from cdss.locks.modes import LockedError
from cdss.regions.masks import runs_of
from cdss.regions.models import Origin, Proposal, RegionMask, Structure
from cdss.regions.services import (
    MOST_SUPPORTS,
    RefusedError,
    mask_of,
    mask_save,
    mask_withdraw,
    proposal_make,
    structure_create,
    supports_for,
)
from retrieval.segmentation import dice
from tests.cdss.regions.conftest import SIZE, MakeImage, liver, other_picture

POLYGON = "10,10 60,10 60,60 10,60"


@pytest.fixture
def structure(educator: User) -> Structure:
    return structure_create(name=" Liver, CT ", note="", by=educator)


@pytest.fixture
def teacher(client: Client, educator: User) -> Client:
    client.force_login(educator)
    return client


def masked(structure: Structure, image: CaseImage, seed: int, by: User) -> RegionMask:
    return mask_save(structure=structure, image=image, frame=0, mask=liver(seed).mask, by=by)


def test_a_name_is_taken_once(structure: Structure, educator: User) -> None:
    assert structure.name == "Liver, CT"
    with pytest.raises(RefusedError, match="this name already"):
        structure_create(name="Liver, CT", note="", by=educator)
    assert Structure.objects.count() == 1


def test_a_mask_is_kept_encrypted_with_who_and_when(structure: Structure, livers: list, educator: User) -> None:
    saved = masked(structure, livers[0], 1, educator)
    with connection.cursor() as cursor:
        cursor.execute("SELECT runs FROM regions_regionmask WHERE id = %s", [saved.pk])
        stored = cursor.fetchone()[0]
    assert stored.startswith("enc1:")
    assert (saved.by, saved.origin, saved.proposal, saved.agreement) == (educator, Origin.DRAWN, None, None)
    assert np.array_equal(mask_of(RegionMask.objects.get(pk=saved.pk)), liver(1).mask)
    event = Event.objects.get(action="regions.mask_saved")
    assert event.details == {
        "structure": structure.pk, "image": livers[0].pk, "frame": 0, "origin": "drawn", "area": saved.area,
    }  # fmt: skip


def test_a_proposal_comes_from_the_other_images(structure: Structure, livers: list, educator: User) -> None:
    for place in (0, 1):
        masked(structure, livers[place], place + 1, educator)
    made = proposal_make(structure=structure, image=livers[2], frame=0, by=educator)
    assert dice(mask_of(made), liver(3).mask) > 0.75
    assert len(made.supports) == 2
    assert made.encoder == "hashing-patches-1"
    assert not RegionMask.objects.filter(image=livers[2]).exists()
    assert Event.objects.get(action="regions.proposed").details["supports"] == 2


def test_an_image_is_no_support_of_its_own(structure: Structure, livers: list, educator: User) -> None:
    masked(structure, livers[0], 1, educator)
    with pytest.raises(RefusedError, match="at least one other image"):
        proposal_make(structure=structure, image=livers[0], frame=0, by=educator)


def test_accepted_or_corrected_is_told_by_the_mask_itself(structure: Structure, livers: list, educator: User) -> None:
    masked(structure, livers[0], 1, educator)
    made = proposal_make(structure=structure, image=livers[2], frame=0, by=educator)
    proposed = mask_of(made)

    def kept(mask: np.ndarray) -> RegionMask:
        return mask_save(structure=structure, image=livers[2], frame=0, mask=mask, by=educator, proposal=made)

    assert (kept(proposed).origin, kept(proposed).agreement) == (Origin.ACCEPTED, 1.0)
    changed = proposed.copy()
    changed[:5] ^= True
    corrected = kept(changed)
    assert corrected.origin == Origin.CORRECTED
    assert corrected.agreement is not None
    assert 0 < corrected.agreement < 1
    assert Proposal.objects.get().runs == made.runs


def test_an_empty_mask_is_refused(structure: Structure, livers: list, educator: User) -> None:
    with pytest.raises(RefusedError, match="Nothing is masked"):
        mask_save(structure=structure, image=livers[0], frame=0, mask=np.zeros((SIZE, SIZE), bool), by=educator)


def test_a_new_mask_of_a_frame_takes_the_place_of_the_old_one(structure: Structure, livers, educator) -> None:
    first, second = masked(structure, livers[0], 1, educator), masked(structure, livers[0], 2, educator)
    assert list(RegionMask.objects.current()) == [second]
    mask_withdraw(mask=second, by=educator)
    assert not RegionMask.objects.current().exists()
    mask_withdraw(mask=second, by=educator)
    assert Event.objects.filter(action="regions.mask_withdrawn").count() == 1
    assert RegionMask.objects.filter(pk=first.pk, withdrawn__isnull=True).exists()


def test_supports_are_what_one_may_see_and_not_too_many(
    structure: Structure, make_image: MakeImage, educator: User, make_user: Callable[..., User]
) -> None:
    stranger = make_user("stranger", Role.EDUCATOR, department="surgery")
    private = make_image(liver(1).pixels, owner=educator, visibility=Visibility.PRIVATE)
    target = make_image(liver(3).pixels)
    masked(structure, private, 1, educator)
    assert supports_for(structure=structure, image=target, frame=0, user=stranger) == []
    for _ in range(MOST_SUPPORTS + 2):
        masked(structure, make_image(other_picture()), 1, educator)
    assert len(supports_for(structure=structure, image=target, frame=0, user=educator)) == MOST_SUPPORTS


def test_locked_to_text_nothing_is_proposed(structure: Structure, livers, educator: User, settings) -> None:
    masked(structure, livers[0], 1, educator)
    settings.LOCKED_MODES = ["text-only"]
    with pytest.raises(LockedError):
        proposal_make(structure=structure, image=livers[1], frame=0, by=educator)


def address(name: str, structure: Structure, image: CaseImage) -> str:
    return f"/regions/structures/{structure.pk}/{name}/?image={image.pk}&frame=0"


def test_the_pages_from_a_name_to_an_accepted_mask(teacher: Client, livers: list[CaseImage]) -> None:
    answer = teacher.post(f"/regions/structures/?image={livers[0].pk}", {"name": "Liver", "note": "with the vessels"})
    structure = Structure.objects.get()
    assert answer["Location"] == address("draw", structure, livers[0])
    editor = teacher.get(answer["Location"]).content.decode()
    assert "Research and education" in editor
    assert 'data-width="96"' in editor
    assert teacher.post(answer["Location"], {"runs": runs_of(liver(1).mask)}).status_code == 302

    proposed = teacher.post(address("propose", structure, livers[1]))
    made = Proposal.objects.get()
    assert proposed["Location"] == f"/regions/proposals/{made.pk}/"
    shown = teacher.get(proposed["Location"]).content.decode()
    assert "nobody has checked it" in shown
    assert made.runs in shown
    assert teacher.post(proposed["Location"], {"runs": made.runs}).status_code == 302
    assert RegionMask.objects.get(image=livers[1]).origin == Origin.ACCEPTED

    listed = teacher.get(f"/regions/structures/{structure.pk}/").content.decode()
    assert "Proposed, accepted as it was" in listed
    assert listed.count("DICOM SEG") == 2
    assert made.runs in teacher.get(address("draw", structure, livers[1])).content.decode()


def test_typed_points_take_the_place_of_what_is_drawn(teacher: Client, structure: Structure, livers: list) -> None:
    teacher.post(address("draw", structure, livers[0]), {"runs": runs_of(liver(1).mask), "polygons": POLYGON})
    assert RegionMask.objects.get().area == 51 * 51


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "cannot be read"),
        ({"runs": "5"}, "not of this image"),
        ({"runs": str(SIZE * SIZE)}, "Nothing is masked"),
        ({"polygons": "1,1 2,2"}, "at least three points"),
        ({"runs": "9" * 4_000_000}, ""),
    ],
)
def test_a_bad_mask_is_explained_and_nothing_kept(teacher: Client, structure, livers, data, says: str) -> None:
    answer = teacher.post(address("draw", structure, livers[0]), data)
    assert answer.status_code in (400, 413, 422)
    assert says in answer.content.decode()
    assert not RegionMask.objects.exists()


def test_without_a_support_the_page_says_so(teacher: Client, structure: Structure, livers: list) -> None:
    answer = teacher.post(address("propose", structure, livers[0]), follow=True)
    assert "Nothing to learn from yet" in answer.content.decode()


@pytest.mark.parametrize("query", ["", "?image=987654", "?own=1", "?image=x"])
def test_without_an_image_of_the_library_there_is_nothing_to_mask(teacher: Client, structure, query: str) -> None:
    for name in ("draw", "propose", "read"):
        assert teacher.post(f"/regions/structures/{structure.pk}/{name}/{query}").status_code == 404


def test_masks_of_unseen_cases_are_not_listed(
    teacher: Client, structure: Structure, make_image: MakeImage, make_user: Callable[..., User]
) -> None:
    stranger = make_user("stranger", Role.EDUCATOR, department="surgery")
    theirs = masked(structure, make_image(liver(1).pixels, owner=stranger, visibility="private"), 1, stranger)
    assert "Nothing is masked yet" in teacher.get(f"/regions/structures/{structure.pk}/").content.decode()
    assert "0 masks" in teacher.get("/regions/structures/").content.decode()
    for name in ("overlay", "segmentation"):
        assert teacher.get(f"/regions/masks/{theirs.pk}/{name}/").status_code == 404
    assert teacher.post(f"/regions/masks/{theirs.pk}/withdraw/").status_code == 404


def test_of_two_who_began_with_the_same_mask_both_are_kept(
    client: Client, structure: Structure, livers: list, educator: User, make_user: Callable[..., User]
) -> None:
    masked(structure, livers[0], 1, educator)
    begun = []
    for person in (educator, make_user("colleague", Role.EDUCATOR)):
        begun.append(Client())
        begun[-1].force_login(person)
        assert begun[-1].get(address("draw", structure, livers[0])).status_code == 200
    for seed, at_work in enumerate(begun, start=2):
        assert (
            at_work.post(address("draw", structure, livers[0]), {"runs": runs_of(liver(seed).mask)}).status_code == 302
        )
    kept = [(row.by.username, row.runs) for row in RegionMask.objects.order_by("pk")]
    assert kept[1:] == [("educator", runs_of(liver(2).mask)), ("colleague", runs_of(liver(3).mask))]
    assert RegionMask.objects.current().get().by.username == "colleague"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads share no SQLite database in memory")
@pytest.mark.django_db(transaction=True)
def test_two_educators_at_once_lose_nothing(structure: Structure, livers, educator: User, make_user) -> None:
    people = [educator, make_user("colleague", Role.EDUCATOR)]

    def save(place: int) -> int:
        try:
            return masked(structure, livers[0], 1 + place % 3, people[place % 2]).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(save, range(8)))
    assert len(set(saved)) == RegionMask.objects.count() == 8
    assert RegionMask.objects.current().get().pk == max(saved)
    assert Event.objects.filter(action="regions.mask_saved").count() == 8
