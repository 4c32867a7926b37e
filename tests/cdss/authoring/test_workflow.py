"""From draft to review to published to retired, and who may do what."""

from collections.abc import Callable
from typing import Any

import pytest

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.authoring import services, workflow
from cdss.authoring.comments import comment_add, comment_resolve
from cdss.authoring.models import Manuscript, Revision
from cdss.authoring.services import AuthoringError
from cdss.library.models import Case, LibraryItem, Passage, State
from cdss.library.rows import CaseRow
from cdss.library.services import StateError, Target, case_upsert, collection_ensure, item_publish, item_unpublish
from cdss.notices.models import Notice
from tests.cdss.authoring.conftest import published, ticked, with_pictures, write


def fresh(manuscript: Manuscript) -> Manuscript:
    return Manuscript.objects.select_related("case").get(pk=manuscript.pk)


def test_a_case_goes_from_nothing_to_published(manuscript: Manuscript, educator: User, second: User) -> None:
    manuscript = with_pictures(manuscript, educator)
    assert not LibraryItem.objects.published().exists()
    manuscript = published(manuscript, educator, second)
    case = Case.objects.get(pk=manuscript.case_id)
    assert (case.state, manuscript.stage) == (State.PUBLISHED, State.PUBLISHED)
    assert "popcorn calcification" in case.text
    assert case.images.count() == 2
    assert case.owner == educator
    events = set(Event.objects.values_list("action", flat=True))
    assert {
        "case.begun",
        "case.edited",
        "case.picture_added",
        "case.submitted",
        "case.ticked",
        "case.published",
    } <= events
    assert Notice.objects.filter(recipient=educator, kind="reviewed").exists()
    assert Notice.objects.filter(recipient=second, kind="review").exists()


def test_what_is_published_stays_until_the_new_text_is_published(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    manuscript = published(manuscript, educator, second)
    case = Case.objects.get(pk=manuscript.case_id)
    Passage.objects.create(item=case, position=0, text="old", start=0, end=3)
    manuscript = write(
        manuscript, educator, findings="A spiculated mass of 4 cm in the left upper lobe.", title="Other"
    )
    case.refresh_from_db()
    assert (manuscript.stage, case.state) == (State.DRAFT, State.PUBLISHED)
    assert "popcorn" in case.text
    assert case.title == "Hamartoma of the lung"
    assert LibraryItem.objects.published().filter(pk=case.pk).exists()
    before = case.content_hash
    published(manuscript, educator, second)
    case.refresh_from_db()
    assert "spiculated" in case.text
    assert case.title == "Other"
    assert case.content_hash != before
    # Their offsets were in the old text.
    assert not case.passages.exists()


def test_an_author_does_not_publish_the_own_case(manuscript: Manuscript, educator: User, settings: Any) -> None:
    manuscript = ticked(manuscript, educator)
    with pytest.raises(AuthoringError):
        workflow.case_publish(manuscript=manuscript, by=educator)
    settings.SECOND_REVIEWER = False
    workflow.case_publish(manuscript=manuscript, by=educator)
    assert fresh(manuscript).case.state == State.PUBLISHED


def test_a_co_author_does_not_either(manuscript: Manuscript, educator: User, second: User, administrator: User) -> None:
    workflow.co_author_set(manuscript=manuscript, user=second, on=True, by=educator)
    workflow.case_submit(manuscript=manuscript, by=educator)
    ticked(manuscript, second)
    with pytest.raises(AuthoringError, match="second person"):
        workflow.case_publish(manuscript=manuscript, by=second)
    workflow.case_publish(manuscript=manuscript, by=administrator)


def test_who_wrote_and_was_removed_does_not_publish(manuscript: Manuscript, educator: User, second: User) -> None:
    workflow.co_author_set(manuscript=manuscript, user=second, on=True, by=educator)
    write(manuscript, second, history="Written by the second.")
    workflow.co_author_set(manuscript=manuscript, user=second, on=False, by=educator)
    workflow.case_submit(manuscript=manuscript, by=educator)
    assert "publish" not in workflow.open_actions(fresh(manuscript), second)


def test_what_waits_for_review_is_not_changed_and_can_be_taken_back(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    workflow.case_submit(manuscript=manuscript, by=educator, reviewers=[second])
    assert fresh(manuscript).case.state == State.REVIEW
    with pytest.raises(AuthoringError, match="in review"):
        services.manuscript_save(manuscript=manuscript, by=educator, fields={"history": "x"}, base={})
    workflow.case_take_back(manuscript=manuscript, by=educator)
    assert fresh(manuscript).case.state == State.DRAFT
    write(manuscript, educator, history="Changed.")


def test_changes_are_asked_for(manuscript: Manuscript, educator: User, second: User) -> None:
    workflow.case_submit(manuscript=manuscript, by=educator)
    with pytest.raises(AuthoringError, match="what is to be changed"):
        workflow.case_request_changes(manuscript=manuscript, by=second, note=" ")
    workflow.case_request_changes(manuscript=manuscript, by=second, note="Describe the margins.")
    manuscript = fresh(manuscript)
    assert (manuscript.stage, manuscript.case.state) == (State.DRAFT, State.DRAFT)
    assert manuscript.comments.get().text == "Describe the margins."
    assert Notice.objects.filter(recipient=educator, kind="reviewed").count() == 1


def test_what_is_unfinished_is_not_published(manuscript: Manuscript, educator: User, second: User) -> None:
    write(manuscript, educator, diagnosis="")
    workflow.case_submit(manuscript=manuscript, by=educator)
    with pytest.raises(AuthoringError, match="a diagnosis"):
        workflow.case_publish(manuscript=ticked(manuscript, second), by=second)
    assert fresh(manuscript).stage == State.REVIEW


def test_nothing_is_published_while_two_texts_wait(manuscript: Manuscript, educator: User, second: User) -> None:
    manuscript.conflicts.create(field="history", by=educator, value="x")
    with pytest.raises(AuthoringError, match="wait for a choice"):
        workflow.case_submit(manuscript=manuscript, by=educator)


def test_a_retired_case_is_neither_searched_nor_published_by_its_way_around(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    manuscript = published(manuscript, educator, second)
    item = LibraryItem.objects.get(pk=manuscript.case_id)
    for act in (item_publish, item_unpublish):
        with pytest.raises(StateError):
            act(item=item, by=educator)
    workflow.case_retire(manuscript=manuscript, by=second, note="Shown to be wrong.")
    item.refresh_from_db()
    assert item.state == State.RETIRED
    for user in (educator, second):
        assert not LibraryItem.objects.searchable_by(user).filter(pk=item.pk).exists()
    for act in (item_publish, item_unpublish):
        with pytest.raises(StateError, match="retired"):
            act(item=item, by=educator)
    workflow.case_take_up(manuscript=manuscript, by=educator)
    assert fresh(manuscript).case.state == State.DRAFT


def test_an_import_brings_nothing_back_that_was_retired_and_writes_over_nothing(
    educator: User, second: User, db: None
) -> None:
    collection = collection_ensure(name="Imported")
    row = CaseRow("s", "1", title="Imported", findings="A nodule with calcification and fat in it.", diagnosis="X",
                  licence="CC0", patient="P-1")  # fmt: skip
    target = Target(collection, owner=educator, publish=True)
    case = Case.objects.get(pk=case_upsert(row=row, target=target).item)
    group = case.source_group
    manuscript = services.manuscript_open(case=case, by=educator)
    workflow.case_retire(manuscript=manuscript, by=second)
    changed = CaseRow("s", "1", title="Imported anew", findings="Other.", diagnosis="X", patient="P-1")
    for each in (row, changed, row):
        case_upsert(row=each, target=target)
        case.refresh_from_db()
        assert case.state == State.RETIRED
    workflow.case_take_up(manuscript=manuscript, by=educator)
    findings = "Consolidation of the left lung with an effusion, written here."
    published(write(manuscript, educator, title="Written here", findings=findings), educator, second)
    done = case_upsert(row=changed, target=target)
    case.refresh_from_db()
    assert (done.change, case.title, case.state) == ("unchanged", "Written here", State.PUBLISHED)
    assert "written here" in done.problems[0]
    # Whose case it is among the patients of its source stays known.
    assert group
    assert case.source_group == group


def test_ownership_is_handed_over(manuscript: Manuscript, educator: User, second: User, clinician: User) -> None:
    with pytest.raises(AuthoringError, match="owner"):
        workflow.owner_transfer(manuscript=manuscript, to=second, by=second)
    workflow.owner_transfer(manuscript=manuscript, to=second, by=educator)
    manuscript = fresh(manuscript)
    assert manuscript.case.owner == second
    assert manuscript.authors() == [second, educator]
    with pytest.raises(AuthoringError, match="owner"):
        workflow.co_author_set(manuscript=manuscript, user=clinician, on=True, by=educator)


def test_a_private_case_needs_a_named_reviewer(collection, educator: User, second: User) -> None:
    made = services.case_new(by=educator, title="Private", collection=collection, visibility="private")
    made = write(made, educator)
    with pytest.raises(AuthoringError, match="Name a reviewer"):
        workflow.case_submit(manuscript=made, by=educator)
    assert not Manuscript.objects.for_user(second).exists()
    workflow.case_submit(manuscript=made, by=educator, reviewers=[second])
    assert Manuscript.objects.for_user(second).exists()
    published_case = workflow.case_publish(manuscript=ticked(made, second), by=second)
    # Reviewing does not show it to the reviewer in the library.
    assert not LibraryItem.objects.searchable_by(second).filter(pk=published_case.pk).exists()


def test_drafts_are_their_authors_alone(
    manuscript: Manuscript, make_user: Callable[..., User], clinician: User, auditor: User
) -> None:
    for user in (clinician, auditor, make_user("other", Role.EDUCATOR)):
        assert not Manuscript.objects.for_user(user).exists()
        assert not Manuscript.objects.editable_by(user).exists()


def test_comments_hang_together_and_are_settled(manuscript: Manuscript, educator: User, second: User) -> None:
    workflow.case_submit(manuscript=manuscript, by=educator)
    said = comment_add(manuscript=manuscript, by=second, text="Which side? Mr. John Smith says left.", field="findings")
    assert "Smith" not in said.text
    answer = comment_add(manuscript=manuscript, by=educator, text="The right one.", parent=said)
    deep = comment_add(manuscript=manuscript, by=second, text="Thanks.", parent=answer)
    assert (deep.parent, deep.field) == (said, "findings")
    comment_resolve(comment=deep, by=second, resolved=True)
    said.refresh_from_db()
    assert said.resolved_by == second
    assert Notice.objects.filter(recipient=educator, key=f"comment:{said.pk}").exists()
    for text in ("", "x" * 20_000):
        with pytest.raises(AuthoringError):
            comment_add(manuscript=manuscript, by=second, text=text)


def test_an_older_revision_comes_back_and_nothing_goes(manuscript: Manuscript, educator: User, second: User) -> None:
    manuscript = with_pictures(manuscript, educator)
    workflow.case_submit(manuscript=manuscript, by=educator)
    workflow.case_take_back(manuscript=manuscript, by=educator)
    old = manuscript.revisions.get(why=Revision.Why.SUBMITTED)
    write(manuscript, educator, history="Another.", findings="Nothing.")
    services.revision_restore(revision=old, by=educator)
    manuscript = fresh(manuscript)
    assert manuscript.content == old.content
    newest = manuscript.revisions.first()
    assert (newest.why, newest.note) == ("restored", f"from revision {old.number}")
    assert any(revision.content["findings"] == "Nothing." for revision in manuscript.revisions.all())


def test_a_case_of_nobody_is_written_by_who_may_publish(clinician: User, educator: User, second: User) -> None:
    row = CaseRow("s", "1", title="Imported", findings="A nodule with calcification and fat in it.", diagnosis="X")
    target = Target(collection_ensure(name="Imported"), publish=True)
    case = Case.objects.get(pk=case_upsert(row=row, target=target).item)
    manuscript = services.manuscript_open(case=case, by=educator)
    write(manuscript, educator, history="Changed.")
    for user in (educator, second):
        assert Manuscript.objects.for_user(user).get() == Manuscript.objects.editable_by(user).get() == manuscript
    assert not Manuscript.objects.for_user(clinician).exists()
