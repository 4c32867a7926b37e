"""Places that may be burnt-in text: authors and reviewers of a case see them on its review page, and decide."""

import io
from base64 import b64encode
from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.authoring import workflow
from cdss.authoring.checklist import checklist_of
from cdss.authoring.models import Manuscript
from cdss.authoring.picture_doubts import doubtful_pictures
from cdss.library.image_files import image_bytes, image_files
from cdss.library.models import Case, Doubt, Visibility
from cdss.studies.models import Series
from tests.cdss.authoring.conftest import ticked, with_pictures
from tests.cdss.cast import stored_series

WIDE, HIGH = 12, 5


def strip(value: int = 255) -> str:
    made = io.BytesIO()
    Image.fromarray(np.full((HIGH, WIDE), value, dtype=np.uint8)).save(made, "PNG")
    return b64encode(made.getvalue()).decode()


@pytest.fixture
def doubted(manuscript: Manuscript, educator: User) -> Manuscript:
    """Ticked, with two pictures, of the second of which a place is masked."""
    manuscript = ticked(with_pictures(manuscript, educator), educator)
    last = manuscript.pictures.get(pk=manuscript.content["images"][1]["picture"])
    about = {"left": 3, "top": 4, "width": WIDE, "height": HIGH, "score": 0.4}
    Doubt.objects.create(name=str(last.file), owner=educator, crop=strip(), **about)
    return manuscript


@pytest.fixture
def in_review(doubted: Manuscript, educator: User, second: User) -> Manuscript:
    workflow.case_submit(manuscript=doubted, by=educator, reviewers=[second])
    return Manuscript.objects.get(pk=doubted.pk)


def waiting(manuscript: Manuscript) -> list[str]:
    return [check.item or check.why for check in checklist_of(Manuscript.objects.get(pk=manuscript.pk)).open]


def address(manuscript: Manuscript, what: str = "") -> str:
    return f"/authoring/{manuscript.pk}/doubts/{Doubt.objects.get().pk}/{what}"


def test_a_reviewer_sees_the_picture_and_what_stood_there(client: Client, in_review: Manuscript, second: User) -> None:
    client.force_login(second)
    page = client.get(f"/authoring/{in_review.pk}/review/").content.decode()
    assert f'<rect x="3" y="4" width="{WIDE}" height="{HIGH}"/>' in page
    assert address(in_review, "crop/") in page
    assert "Refuse the image" in page
    crop = client.get(address(in_review, "crop/"))
    assert Image.open(io.BytesIO(crop.content)).size == (WIDE, HIGH)
    assert crop["Cache-Control"] == "no-store"
    assert Event.objects.filter(action="image.doubt_viewed", actor=second.username).exists()


def test_left_masked_the_checklist_passes(client: Client, in_review: Manuscript, second: User) -> None:
    client.force_login(second)
    assert len(waiting(in_review)) == 1
    client.post(address(in_review), {"decision": "mask"})
    assert waiting(in_review) == []
    decided = Event.objects.get(action="image.doubt_decided")
    assert (decided.actor, decided.details["kept"]) == (second.username, False)
    workflow.case_publish(manuscript=in_review, by=second)


def test_shown_again_the_image_is_looked_at_again(client: Client, in_review: Manuscript, second: User) -> None:
    client.force_login(second)
    picture = doubtful_pictures(in_review)[0].picture
    client.post(address(in_review), {"decision": "keep"})
    pixels = np.asarray(Image.open(io.BytesIO(image_bytes(image_files(name=str(picture.file))))).convert("L"))
    assert (pixels[4 : 4 + HIGH, 3 : 3 + WIDE] == 255).all()
    assert waiting(in_review) == ["pixels-seen"]
    workflow.case_publish(manuscript=ticked(in_review, second), by=second)
    case = Case.objects.get(pk=in_review.case_id)
    assert case.images.count() == 2
    # Published once more, the picture is known: it is not taken for one that came from elsewhere.
    workflow.case_retire(manuscript=in_review, by=second)
    workflow.case_take_up(manuscript=in_review, by=second)
    workflow.case_submit(manuscript=in_review, by=case.owner)
    workflow.case_publish(manuscript=in_review, by=second)
    assert case.images.count() == 2


def test_refused_the_case_goes_back_and_the_place_stays_masked(
    client: Client, in_review: Manuscript, second: User
) -> None:
    client.force_login(second)
    client.post(address(in_review), {"decision": "refuse"})
    assert Manuscript.objects.get().stage == "draft"
    assert "Image 2" in Manuscript.objects.get().comments.get().text
    assert Doubt.objects.exists()
    assert Event.objects.filter(action="image.doubt_refused", actor=second.username).exists()


def test_the_author_decides_too_but_does_not_refuse(client: Client, doubted: Manuscript, educator: User) -> None:
    client.force_login(educator)
    assert "Refuse the image" not in client.get(f"/authoring/{doubted.pk}/review/").content.decode()
    client.post(address(doubted), {"decision": "refuse"})
    assert Doubt.objects.exists()
    client.post(address(doubted), {"decision": "mask"})
    assert not Doubt.objects.exists()


@pytest.mark.parametrize("decision", ["", "x" * 5000, "Mask"])
def test_what_is_no_decision_changes_nothing(
    client: Client, in_review: Manuscript, second: User, decision: str
) -> None:
    client.force_login(second)
    assert client.post(address(in_review), {"decision": decision}).status_code == 302
    assert Doubt.objects.exists()


def test_nobody_else_and_no_doubt_of_another_case(
    client: Client, in_review: Manuscript, second: User, make_user: Callable[..., User]
) -> None:
    place = Doubt.objects.get()
    Doubt.objects.filter(pk=place.pk).update(name="authoring/another.png")
    client.force_login(second)
    assert client.post(f"/authoring/{in_review.pk}/doubts/{place.pk}/", {"decision": "keep"}).status_code == 404
    Case.objects.filter(pk=in_review.case_id).update(visibility=Visibility.PRIVATE)
    client.force_login(make_user("third", Role.EDUCATOR))
    assert client.get(f"/authoring/{in_review.pk}/doubts/{place.pk}/crop/").status_code == 404


def test_covered_places_of_a_series_wait_too(client: Client, in_review: Manuscript, second: User) -> None:
    Doubt.objects.all().delete()
    series = stored_series(in_review.case)
    Series.objects.filter(pk=series.pk).update(doubts=[{"left": 0, "top": 0, "width": 2, "height": 2}])
    # A series came: what was ticked of the pictures falls.
    assert waiting(in_review)[1:] == ["pixels-seen", "may-be-used"]
    client.force_login(second)
    assert "Cover for good" in client.get(f"/authoring/{in_review.pk}/review/").content.decode()
    client.post(f"/authoring/{in_review.pk}/doubts/series/{series.pk}/", {"decision": "mask"})
    assert Series.objects.get().doubts == []
    assert waiting(in_review) == ["pixels-seen", "may-be-used"]
    assert Event.objects.filter(action="studies.doubts_decided", actor=second.username).exists()
