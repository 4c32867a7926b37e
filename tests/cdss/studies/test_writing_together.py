"""Series of cases that several people write, and of cases that are published: reviewed before others see them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.authoring import services, workflow
from cdss.authoring.checklist import ITEMS, checklist_of, tick_set
from cdss.authoring.duplicates import duplicates_of
from cdss.authoring.models import Manuscript
from cdss.library.keepers import given_of
from cdss.library.models import Case, CaseImage, State
from cdss.library.services import collection_ensure
from cdss.studies.errors import StudyError
from cdss.studies.marks import mark_create
from cdss.studies.models import KeyImage, Series
from cdss.studies.presenters import series_of_case
from cdss.studies.services import Window, draft_begin, key_image_make, series_delete
from cdss.studies.shown import of_series
from cdss.studies.twins import twins_of
from cdss.studies.uploads import upload_add, upload_begin, upload_read
from tests.cdss.authoring.conftest import WHOLE, write
from tests.cdss.studies.conftest import read_files
from tests.cdss.studies.dicoms import study


@pytest.fixture
def second(make_user: Callable[..., User]) -> User:
    return make_user("second", Role.EDUCATOR, department="radiology")


@pytest.fixture
def manuscript(educator: User) -> Manuscript:
    collection = collection_ensure(name="Teaching cases", synthetic=True)
    made = services.case_new(by=educator, title="A synthetic case", collection=collection, visibility="public")
    return write(made, educator, **WHOLE)


def published(manuscript: Manuscript, by: User) -> Manuscript:
    """Handed in, ticked and published by somebody who did not write it."""
    manuscript = Manuscript.objects.get(pk=manuscript.pk)
    workflow.case_submit(manuscript=manuscript, by=manuscript.case.owner)
    for item in ITEMS:
        tick_set(manuscript=manuscript, item=item, on=True, by=by)
    workflow.case_publish(manuscript=Manuscript.objects.get(pk=manuscript.pk), by=by)
    return Manuscript.objects.get(pk=manuscript.pk)


def addresses(series: Series) -> list[str]:
    page = series.get_absolute_url()
    return [page, f"{page}data/", f"{page}frames/0/", f"{page}marks/", f"{page}marks/gsps/"]


def test_a_co_author_adds_a_study_and_opens_it(
    manuscript: Manuscript, educator: User, clinician: User, second: User, client: Client
) -> None:
    workflow.co_author_set(manuscript=manuscript, user=clinician, on=True, by=educator)
    client.force_login(clinician)
    page = client.get(f"/studies/upload/?case={manuscript.case_id}")
    assert "Hamartoma of the lung (draft)" in page.content.decode()
    assert read_files(manuscript.case, clinician, study(3)).state == "done"
    series = Series.objects.get()
    assert (series.waiting, series.frames) == (False, 3)
    for user in (educator, clinician):
        client.force_login(user)
        assert [client.get(each).status_code for each in addresses(series)[:4]] == [200] * 4
    # What a co-author draws is for those who read the case, as what its owner draws.
    mark = {"kind": "arrow", "frame": 0, "points": [[1, 1], [5, 5]]}
    assert mark_create(shown=of_series(series), by=clinician, data=mark).shared
    # A draft is nobody else's.
    client.force_login(second)
    assert [client.get(each).status_code for each in addresses(series)] == [404] * 5
    assert client.get(f"/studies/upload/?case={manuscript.case_id}").status_code == 404
    upload = {"case": manuscript.case_id, "title": ""}
    assert client.post("/studies/upload/", upload, headers={"Accept": "application/json"}).status_code == 400


def test_a_series_of_a_published_case_is_read_when_it_was_reviewed(
    manuscript: Manuscript, educator: User, second: User, clinician: User, client: Client
) -> None:
    manuscript = published(manuscript, second)
    case = manuscript.case
    client.force_login(educator)
    assert "waits in its working text" in client.get(f"/library/cases/{case.pk}/").content.decode()
    assert "This case is published" in client.get(f"/studies/upload/?case={case.pk}").content.decode()
    upload = read_files(case, educator, study(3))
    assert (upload.state, upload.message) == ("done", "")
    series = Series.objects.get()
    manuscript.refresh_from_db()
    assert series.waiting
    assert (manuscript.stage, Case.objects.get().state) == (State.DRAFT, State.PUBLISHED)
    assert manuscript.revisions.first().note == "1 series came to it."
    # Its author sees it; nobody who reads the case does, nor who takes it away.
    assert [client.get(each).status_code for each in addresses(series)[:4]] == [200] * 4
    assert "not published yet" in client.get(f"/library/cases/{case.pk}/").content.decode()
    client.force_login(clinician)
    assert [client.get(each).status_code for each in addresses(series)] == [404] * 5
    assert "Open in viewer" not in client.get(f"/library/cases/{case.pk}/").content.decode()
    assert series_of_case(case, clinician) == []
    assert all("series" not in given.said for given in given_of(case=Case.objects.get(), images=[]))
    # What was ticked of the images does not hold for it; its reviewer opens it.
    workflow.case_submit(manuscript=manuscript, by=educator)
    assert not checklist_of(Manuscript.objects.get()).passes
    client.force_login(second)
    assert client.get(addresses(series)[0]).status_code == 200
    with pytest.raises(workflow.AuthoringError, match="checklist"):
        workflow.case_publish(manuscript=Manuscript.objects.get(), by=second)
    for item in ITEMS:
        tick_set(manuscript=manuscript, item=item, on=True, by=second)
    workflow.case_publish(manuscript=Manuscript.objects.get(), by=second)
    client.force_login(clinician)
    assert [client.get(each).status_code for each in addresses(series)[:4]] == [200] * 4
    assert [row.note for row in series_of_case(case, clinician)] == [""]


def test_a_key_image_of_a_published_case_is_in_its_working_text_until_then(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    manuscript = published(manuscript, second)
    read_files(manuscript.case, educator, study(3))
    shown = of_series(Series.objects.get())
    window = Window(40, 400)
    for _ in range(2):
        assert key_image_make(shown=shown, frame=1, window=window, caption="A nodule", by=educator) is None
    assert not CaseImage.objects.exists()
    manuscript = Manuscript.objects.get()
    entry = manuscript.content["images"][0]
    assert (len(manuscript.content["images"]), entry["caption"], entry["key"]) == (1, "A nodule", True)
    published(manuscript, second)
    key = KeyImage.objects.get()
    assert key.image == CaseImage.objects.get()
    assert (key.frame, key.sha256) == (1, key.image.sha256)


def test_what_readers_see_is_not_deleted_from_the_viewer(
    manuscript: Manuscript, educator: User, second: User, client: Client
) -> None:
    read_files(manuscript.case, educator, study(3))
    published(manuscript, second)
    series = Series.objects.get()
    with pytest.raises(StudyError, match="Retire the case"):
        series_delete(series=series, by=educator)
    client.force_login(educator)
    assert "Delete the series" not in client.get(series.get_absolute_url()).content.decode()
    read_files(manuscript.case, educator, study(2, SeriesInstanceUID="1.2.3"))
    came = Series.objects.get(waiting=True)
    client.post(f"/studies/series/{came.pk}/delete/")
    assert list(Series.objects.all()) == [series]


def test_a_case_that_was_handed_in_meanwhile_takes_nothing(
    manuscript: Manuscript, educator: User, second: User, client: Client
) -> None:
    upload = upload_begin(case=manuscript.case, by=educator)
    from django.core.files.uploadedfile import SimpleUploadedFile

    upload_add(upload=upload, files=[SimpleUploadedFile(name, content) for name, content in study(2)])
    type(upload).objects.update(state="waiting")
    workflow.case_submit(manuscript=manuscript, by=educator)
    upload_read(upload=type(upload).objects.select_related("case", "owner").get())
    upload.refresh_from_db()
    assert upload.state == "failed"
    assert "handed in" in upload.message
    assert not Series.objects.exists()
    client.force_login(educator)
    assert client.get(f"/studies/upload/?case={manuscript.case_id}").status_code == 404


def test_a_draft_begun_with_a_study_is_written_and_reviewed_like_any(educator: User, second: User) -> None:
    draft = draft_begin(title="A nodule", by=educator, visibility="public")
    assert read_files(draft, educator, study(2)).state == "done"
    manuscript = Manuscript.objects.get(case=draft)
    assert (manuscript.stage, manuscript.content["title"]) == (State.DRAFT, "A nodule")
    assert not Case.objects.viewable_by(second).exists()


@pytest.mark.parametrize(
    "elements", [{}, {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8", "PatientID": "X"}]
)
def test_the_same_series_in_another_case_is_said(
    educator: User, second: User, client: Client, elements: dict[str, Any]
) -> None:
    """By its identifier, and by its pixels when another program made others."""
    first = draft_begin(title="The first", by=educator, visibility="public")
    read_files(first, educator, study(3))
    other = draft_begin(title="The other", by=educator, visibility="public")
    upload = read_files(other, educator, study(3, **elements))
    found = twins_of(upload)
    assert [(each.case.pk, each.why) for each in found.shown] == [(first.pk, "the same series")]
    client.force_login(educator)
    page = client.get(f"/studies/uploads/{upload.pk}/").content.decode()
    assert "It may be in the library already" in page
    assert "The first" in page
    assert [each.why for each in duplicates_of(Manuscript.objects.get(case=other), educator).shown] == [
        "the same series"
    ]
    # Who may not open the other case is told that there is one.
    theirs = draft_begin(title="Theirs", by=second)
    hidden = twins_of(read_files(theirs, second, study(3, **elements)))
    assert (hidden.shown, hidden.hidden) == ((), 2)


def test_another_study_of_the_patient_is_said_to_who_may_open_it(educator: User, second: User) -> None:
    read_files(draft_begin(title="The first", by=educator), educator, study(3))
    elsewhere = {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8"}
    other = read_files(draft_begin(title="Later", by=educator), educator, study(2, **elsewhere))
    assert [each.why for each in twins_of(other).shown] == ["the same patient"]
    theirs = read_files(
        draft_begin(title="Theirs", by=second), second, study(4, **{**elsewhere, "SeriesInstanceUID": "1.7"})
    )
    assert twins_of(theirs).hidden == 1
