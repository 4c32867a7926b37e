"""Whether the library holds a case already, said to each reader as far as they may know."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from cdss.accounts.models import User
from cdss.authoring import looks
from cdss.authoring.duplicates import duplicates_of
from cdss.authoring.looks import looks_make
from cdss.authoring.models import Look, Manuscript, SameLook
from cdss.authoring.pictures import picture_erase, pictures_add
from cdss.authoring.services import case_new
from cdss.authoring.workflow import case_submit
from cdss.library.models import Case, Collection, LibraryItem, Visibility
from tests.cdss.authoring.conftest import WHOLE, published, with_pictures, write
from tests.retrieval.test_looks import picture


def other(collection: Collection, by: User, visibility: str = "private") -> Manuscript:
    return case_new(by=by, title="Another", collection=collection, visibility=visibility)


def test_by_words(manuscript: Manuscript, collection: Collection, educator: User, second: User) -> None:
    case = published(manuscript, educator, second).case
    copied = {name: WHOLE[name] for name in ("history", "findings", "discussion")}
    mine = write(other(collection, second), second, **copied)
    (found,) = duplicates_of(mine, second).shown
    assert found.case.pk == case.pk
    assert "100%" in found.why
    story = "Seen after a fall from a ladder while painting the gutters; walked in, no other complaint."
    copied = write(other(collection, second), second, findings=WHOLE["findings"], history=story, discussion=story)
    (found,) = (each for each in duplicates_of(copied, second).shown if each.case.pk == case.pk)
    assert found.why == "100% of the words of the findings are the same"
    unlike = write(
        other(collection, second), second, findings="A fracture of the distal radius with dorsal tilt of it."
    )
    assert not duplicates_of(unlike, second)


def test_by_image_in_a_draft_of_somebody_else_only_a_count(
    manuscript: Manuscript, collection: Collection, educator: User, second: User, client: Client
) -> None:
    with_pictures(manuscript, educator, 2)
    mine = with_pictures(other(collection, second), second, 1)
    found = duplicates_of(mine, second)
    assert (found.shown, found.hidden) == ((), 1)
    client.force_login(second)
    page = client.get(f"/authoring/{mine.pk}/review/").content.decode()
    assert "1 more that you may not open" in page
    assert manuscript.content["title"] not in page
    # Its author is shown it.
    assert [each.manuscript for each in duplicates_of(mine, educator).shown] == [manuscript.pk]


def test_a_private_case_is_counted_alone(
    manuscript: Manuscript, collection: Collection, educator: User, second: User
) -> None:
    case = published(manuscript, educator, second).case
    LibraryItem.objects.filter(pk=case.pk).update(visibility=Visibility.PRIVATE)
    Manuscript.objects.filter(case=case).delete()
    mine = write(other(collection, second), second, **{name: WHOLE[name] for name in ("history", "findings")})
    mine = write(mine, second, discussion=WHOLE["discussion"])
    assert Case.objects.filter(pk=case.pk).exists()
    found = duplicates_of(mine, second)
    assert (found.shown, found.hidden) == ((), 1)


def shown_picture(seed: int, *, changed: bool = False) -> SimpleUploadedFile:
    """A made-up slice; `changed`: cut at its edges, smaller and encoded as JPEG."""
    image = Image.fromarray(picture(seed))
    file = io.BytesIO()
    if changed:
        image.crop((24, 10, 280, 240)).resize((205, 184)).save(file, "JPEG", quality=85)
    else:
        image.save(file, "PNG")
    return SimpleUploadedFile("slice.png", file.getvalue(), "image/png")


def add(manuscript: Manuscript, by: User, *uploads: SimpleUploadedFile) -> Manuscript:
    assert pictures_add(manuscript=manuscript, uploads=uploads, by=by) == (len(uploads), [])
    return Manuscript.objects.get(pk=manuscript.pk)


def test_by_an_image_that_was_cut_made_smaller_and_encoded_again(
    manuscript: Manuscript, collection: Collection, educator: User, second: User, client: Client
) -> None:
    add(manuscript, educator, shown_picture(1), shown_picture(2))
    mine = add(other(collection, second), second, shown_picture(1, changed=True), shown_picture(3))
    found = duplicates_of(mine, second)
    assert (bool(found), found.uncompared) == (False, 2)
    client.force_login(second)
    assert "2 images are still compared" in client.get(f"/authoring/{mine.pk}/review/").content.decode()
    assert (looks_make(), looks_make()) == (4, 0)
    assert (Look.objects.count(), SameLook.objects.count()) == (4, 1)
    found = duplicates_of(mine, second)
    assert (found.shown, found.hidden, found.uncompared) == ((), 1, 0)
    (told,) = duplicates_of(mine, educator).shown
    assert (told.manuscript, told.why) == (manuscript.pk, "1 image the same to the eye")
    # Erased, nothing of it is left to be found.
    picture_erase(manuscript=mine, picture=mine.content["images"][0]["picture"], by=second)
    assert (Look.objects.count(), SameLook.objects.count()) == (3, 0)
    assert not duplicates_of(Manuscript.objects.get(pk=mine.pk), educator)


def test_a_published_image_and_its_copy_in_a_draft(
    manuscript: Manuscript, collection: Collection, educator: User, second: User
) -> None:
    add(manuscript, educator, shown_picture(1))
    case = published(manuscript, educator, second).case
    Manuscript.objects.filter(case=case).delete()
    mine = add(other(collection, second), second, shown_picture(1, changed=True))
    looks_make()
    (told,) = duplicates_of(mine, second).shown
    assert (told.case.pk, told.manuscript, told.why) == (case.pk, None, "1 image the same to the eye")


def test_a_comparison_that_was_killed_goes_on_where_it_was(
    manuscript: Manuscript, collection: Collection, educator: User, second: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(manuscript, educator, shown_picture(1))
    mine = add(other(collection, second), second, shown_picture(1, changed=True))

    def killed(*arguments: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("retrieval.looks.same_to_the_eye", killed)
        with pytest.raises(KeyboardInterrupt):
            looks_make()
    assert Look.objects.count() == 1
    assert looks_make() == 1
    assert duplicates_of(mine, educator)


def test_a_picture_without_a_shape_is_compared_once(manuscript: Manuscript, educator: User) -> None:
    file = io.BytesIO()
    Image.new("L", (64, 64), 7).save(file, "PNG")
    add(manuscript, educator, SimpleUploadedFile("grey.png", file.getvalue(), "image/png"))
    assert (looks_make(), looks_make()) == (1, 0)
    assert bytes(Look.objects.get().bits) == b""


def test_the_worker_compares_after_an_upload_and_when_a_case_is_handed_in(
    manuscript: Manuscript, educator: User, second: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        add(manuscript, educator, shown_picture(1))
    assert Look.objects.count() == 1
    # A picture of a time before they were compared.
    Look.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        case_submit(manuscript=manuscript, by=educator)
    assert Look.objects.count() == 1


def test_so_many_at_once_and_the_rest_by_the_next_task(
    manuscript: Manuscript, educator: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    mine = add(manuscript, educator, shown_picture(1), shown_picture(2), shown_picture(3))
    monkeypatch.setattr(looks, "AT_ONCE", 2)
    with django_capture_on_commit_callbacks() as asked:
        assert looks_make() == 2
    assert (len(asked), looks.uncompared(mine)) == (1, 1)
    with django_capture_on_commit_callbacks() as asked:
        assert looks_make() == 1
    assert (len(asked), looks.uncompared(mine)) == (0, 0)
