"""Images of a case that is being written."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cdss.accounts.models import User
from cdss.authoring.models import Manuscript
from cdss.authoring.pictures import picture_erase, picture_move, picture_take_out, pictures_add, pictures_adopt
from cdss.authoring.services import AuthoringError, revision_restore
from cdss.authoring.workflow import case_retire, case_submit, case_take_back, case_take_up
from cdss.library.models import Case
from cdss.locks.modes import LockedError
from cdss.studies.services import Window, key_image_make
from cdss.studies.shown import of_series
from tests.cdss.authoring.conftest import published, upload, with_pictures, write
from tests.cdss.cast import stored_series


def pictures_of(manuscript: Manuscript) -> list[int]:
    return [each["picture"] for each in Manuscript.objects.get(pk=manuscript.pk).content["images"]]


def files(media: Path) -> list[Path]:
    return sorted((media / "media" / "authoring").rglob("*.png"))


def test_what_cannot_be_read_is_said_and_the_rest_is_taken(manuscript: Manuscript, educator: User) -> None:
    broken = [SimpleUploadedFile(name, content) for name, content in (("a.png", b""), ("b.dcm", b"DICM" * 99))]
    added, problems = pictures_add(manuscript=manuscript, uploads=[*broken, upload(1), upload(1)], by=educator)
    assert (added, len(problems)) == (1, 2)
    assert problems[0].startswith("a.png")
    assert len(pictures_of(manuscript)) == 1


def test_order_and_taking_out(manuscript: Manuscript, educator: User, media: Path) -> None:
    manuscript = with_pictures(manuscript, educator, 3)
    first, second, third = pictures_of(manuscript)
    picture_move(manuscript=manuscript, picture=third, by=-1, who=educator)
    assert pictures_of(manuscript) == [first, third, second]
    picture_move(manuscript=manuscript, picture=first, by=-1, who=educator)
    assert pictures_of(manuscript) == [first, third, second]
    picture_take_out(manuscript=manuscript, picture=third, by=educator)
    assert pictures_of(manuscript) == [first, second]
    assert len(files(media)) == 3
    # The same file again is the same picture.
    pictures_add(manuscript=manuscript, uploads=[upload(2)], by=educator)
    assert pictures_of(manuscript) == [first, second, third]
    with pytest.raises(AuthoringError, match="not in the case"):
        picture_take_out(manuscript=manuscript, picture=987654, by=educator)


def test_erased_is_gone_from_the_disk_and_an_older_revision_does_without(
    manuscript: Manuscript, educator: User, second: User, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    manuscript = with_pictures(manuscript, educator, 2)
    case_submit(manuscript=manuscript, by=educator)
    case_take_back(manuscript=manuscript, by=educator)
    revision = manuscript.revisions.first()
    gone, kept = pictures_of(manuscript)
    with django_capture_on_commit_callbacks(execute=True):
        picture_erase(manuscript=manuscript, picture=gone, by=educator)
    assert len(files(media)) == 1
    revision_restore(revision=revision, by=educator)
    assert pictures_of(manuscript) == [kept]


def test_publishing_keeps_rows_of_pictures_that_stay(manuscript: Manuscript, educator: User, second: User) -> None:
    manuscript = with_pictures(manuscript, educator, 2)
    picture = pictures_of(manuscript)[0]
    about = {"caption": "A nodule.", "modality": "CT", "licence": "CC0", "attribution": "J. Roe", "key": "on"}
    said = {f"image-{picture}-{name}": value for name, value in about.items()}
    manuscript = published(write(manuscript, educator, **said), educator, second)
    case = Case.objects.get(pk=manuscript.case_id)
    first = case.images.first()
    assert (first.caption, first.modality, first.licence, first.attribution, first.key) == (
        "A nodule.", "CT", "CC0", "J. Roe", True)  # fmt: skip
    assert first.sha256 == manuscript.pictures.get(pk=picture).sha256
    before = list(case.images.values_list("pk", flat=True))
    picture_move(manuscript=manuscript, picture=picture, by=1, who=educator)
    published(manuscript, educator, second)
    # Their embeddings hang on these rows.
    assert sorted(case.images.values_list("pk", flat=True)) == sorted(before)
    assert case.images.last().caption == "A nodule."


@pytest.mark.parametrize(
    ("mode", "route"), [("education", "new/"), ("education", "{}/pictures/"), ("education", "import/")]
)
def test_education_takes_no_new_patient_data(
    client: Client, manuscript: Manuscript, educator: User, settings: Any, mode: str, route: str
) -> None:
    settings.LOCKED_MODES = [mode]
    client.force_login(educator)
    for method in (client.get, client.post):
        assert method("/authoring/" + route.format(manuscript.pk), {"title": "x"}).status_code in (405, 423)


def test_education_lets_what_teaches_be_written(
    client: Client, manuscript: Manuscript, educator: User, settings: Any
) -> None:
    settings.LOCKED_MODES = ["education"]
    client.force_login(educator)
    at = f"/authoring/{manuscript.pk}/"
    assert client.get(at).status_code == 200
    with pytest.raises(LockedError):
        write(manuscript, educator, history="A new patient.")
    write(manuscript, educator, learning_points="Fat settles it.", keywords="nodule")
    with pytest.raises(LockedError):
        pictures_add(manuscript=manuscript, uploads=[upload()], by=educator)


def test_text_only_takes_and_shows_no_image(
    client: Client, manuscript: Manuscript, educator: User, settings: Any
) -> None:
    manuscript = with_pictures(manuscript, educator, 1)
    settings.LOCKED_MODES = ["text-only"]
    client.force_login(educator)
    (picture,) = pictures_of(manuscript)
    assert client.get(f"/authoring/{manuscript.pk}/pictures/{picture}/").status_code == 423
    assert b"<img" not in client.get(f"/authoring/{manuscript.pk}/").content
    with pytest.raises(LockedError):
        pictures_add(manuscript=manuscript, uploads=[upload(5)], by=educator)


def test_erasing_a_patient_takes_the_working_text_and_its_images(
    manuscript: Manuscript, educator: User, administrator: User, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    from cdss.privacy.erasure import patient_erase
    from cdss.privacy.export import patient_data
    from cdss.privacy.holdings import holdings_of

    manuscript = with_pictures(manuscript, educator, 2)
    holdings = holdings_of(cases=[manuscript.case_id])
    assert holdings.counts()["images"] == 2
    assert "popcorn" in str(patient_data(holdings)["cases"][0]["written"])
    with django_capture_on_commit_callbacks(execute=True):
        patient_erase(holdings=holdings, by=administrator, reason="consent-withdrawn")
    assert not Manuscript.objects.exists()
    assert files(media) == []


def test_an_erased_image_does_not_come_back(manuscript: Manuscript, educator: User, second: User) -> None:
    manuscript = published(with_pictures(manuscript, educator), educator, second)
    case = manuscript.case
    assert case.images.count() == 2
    first = manuscript.content["images"][0]["picture"]
    case_retire(manuscript=manuscript, by=second)
    case_take_up(manuscript=manuscript, by=educator)
    picture_erase(manuscript=manuscript, picture=first, by=educator)
    assert case.images.count() == 1
    assert pictures_adopt(manuscript=manuscript) == 0


def test_an_image_that_a_case_shows_twice_is_taken_in_once(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    manuscript = published(with_pictures(manuscript, educator), educator, second)
    for position in (7, 8):
        image = manuscript.case.images.earliest("position")
        image.pk, image.position, image.sha256 = None, position, "c" * 64
        image.save()
    assert pictures_adopt(manuscript=manuscript) == 1


def test_a_key_image_of_a_series_is_there_when_the_editor_opens(
    client: Client, manuscript: Manuscript, educator: User
) -> None:
    series = stored_series(manuscript.case)
    key_image_make(shown=of_series(series), frame=1, window=Window(40, 400), caption="The nodule", by=educator)
    client.force_login(educator)
    page = client.get(f"/authoring/{manuscript.pk}/").content.decode()
    assert "The nodule" in page
    assert f"/studies/series/{series.pk}/" in page
    assert f"?case={manuscript.case_id}" in page
    (entry,) = Manuscript.objects.get().content["images"]
    assert entry["key"]
    assert f"/studies/series/{series.pk}/" in client.get(f"/authoring/{manuscript.pk}/review/").content.decode()
