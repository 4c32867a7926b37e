"""One change of many cases: shown, made of all or of none, taken back."""

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.authoring import bulk
from cdss.authoring.models import BulkEdit, Manuscript
from cdss.authoring.services import AuthoringError, manuscript_open
from cdss.library.models import Case, Collection, State, Visibility
from tests.cdss.authoring.conftest import write
from tests.cdss.cast import library_case


@pytest.fixture
def cases(educator: User) -> list[Case]:
    return [library_case(educator) for _ in range(3)]


def ids(cases: list[Case]) -> list[int]:
    return [case.pk for case in cases]


def test_a_keyword_is_added_and_taken_back(cases: list[Case], educator: User) -> None:
    Case.objects.filter(pk=cases[0].pk).update(keywords=["nodule"])
    change = bulk.change_of("add_keyword", " nodule ", educator)
    lines = bulk.preview(change=change, cases=ids(cases), by=educator)
    assert [(line.before, line.after, line.changes) for line in lines] == [
        ("nodule", "nodule", False), ("", "nodule", True), ("", "nodule", True)]  # fmt: skip
    assert not Event.objects.filter(action="case.bulk_changed").exists()
    edit = bulk.bulk_apply(change=change, cases=ids(cases), by=educator)
    assert Event.objects.filter(action="case.bulk_changed").count() == 2
    assert all("nodule" in case.keywords for case in Case.objects.all())
    # What was changed since stays.
    Case.objects.filter(pk=cases[1].pk).update(keywords=["nodule", "fat"])
    assert bulk.bulk_undo(edit=edit, by=educator) == 1
    assert [case.keywords for case in Case.objects.order_by("pk")] == [["nodule"], ["nodule", "fat"], []]
    with pytest.raises(AuthoringError, match="already"):
        bulk.bulk_undo(edit=edit, by=educator)


def test_what_is_being_written_gets_it_too_and_loses_nothing(cases: list[Case], educator: User) -> None:
    manuscript = write(
        manuscript_open(case=cases[0], by=educator), educator, keywords="own word", history="Being written."
    )
    bulk.bulk_apply(change=bulk.Change("add_keyword", "nodule"), cases=ids(cases), by=educator)
    manuscript.refresh_from_db()
    assert manuscript.content["keywords"] == ["own word", "nodule"]
    assert manuscript.content["history"] == "Being written."
    assert Case.objects.get(pk=cases[0].pk).keywords == ["nodule"]
    bulk.bulk_undo(edit=BulkEdit.objects.get(), by=educator)
    manuscript.refresh_from_db()
    assert manuscript.content["keywords"] == ["own word"]


def test_all_or_nothing(cases: list[Case], educator: User, second: User) -> None:
    foreign = library_case(second)
    change = bulk.Change("region", "Chest")
    lines = bulk.preview(change=change, cases=[*ids(cases), foreign.pk], by=educator)
    assert lines[-1].refused
    with pytest.raises(AuthoringError, match="Nothing was changed"):
        bulk.bulk_apply(change=change, cases=[*ids(cases), foreign.pk], by=educator)
    assert set(Case.objects.values_list("region", flat=True)) == {""}
    assert not BulkEdit.objects.exists()


def test_a_foreign_case_that_is_not_seen_is_not_named(educator: User, second: User) -> None:
    hidden = library_case(second, Visibility.PRIVATE)
    assert bulk.preview(change=bulk.Change("region", "Chest"), cases=[hidden.pk], by=educator) == []
    with pytest.raises(AuthoringError, match="not there any more"):
        bulk.bulk_apply(change=bulk.Change("region", "Chest"), cases=[hidden.pk], by=educator)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("nonsense", "x"), ("add_keyword", ""), ("difficulty", "hard"), ("visibility", "all"), ("collection", "999"),
     ("region", "x" * 200)],
)  # fmt: skip
def test_what_is_no_change_is_refused(educator: User, kind: str, value: str) -> None:
    with pytest.raises(AuthoringError):
        bulk.change_of(kind, value, educator)


def test_collection_and_visibility(cases: list[Case], educator: User) -> None:
    mine = Collection.objects.create(name="Mine", owner=educator)
    for kind, value in (("collection", str(mine.pk)), ("visibility", "private")):
        bulk.bulk_apply(change=bulk.change_of(kind, value, educator), cases=ids(cases), by=educator)
    assert set(Case.objects.values_list("collection", "visibility")) == {(mine.pk, "private")}


def test_retire_and_submit_go_through_the_workflow(cases: list[Case], educator: User, second: User) -> None:
    bulk.bulk_apply(change=bulk.Change("retire"), cases=ids(cases), by=educator)
    assert set(Case.objects.values_list("state", flat=True)) == {State.RETIRED}
    assert Event.objects.filter(action="case.retired").count() == 3
    drafts = [library_case(educator, state=State.DRAFT) for _ in range(2)]
    bulk.bulk_apply(change=bulk.Change("submit"), cases=ids(drafts), by=educator)
    assert set(Manuscript.objects.filter(case__in=drafts).values_list("stage", flat=True)) == {State.REVIEW}
    with pytest.raises(AuthoringError, match="not open to you"):
        bulk.bulk_apply(change=bulk.Change("submit"), cases=ids(drafts), by=educator)


def test_by_the_pages(client: Client, cases: list[Case], educator: User) -> None:
    client.force_login(educator)
    assert client.get("/authoring/?tab=published").content.decode().count('name="case"') == 3
    said = {"case": ids(cases), "kind": "region", "value": "Chest"}
    assert "Nothing is changed yet" in client.post("/authoring/bulk/", said).content.decode()
    assert set(Case.objects.values_list("region", flat=True)) == {""}
    done = client.post("/authoring/bulk/", said | {"apply": "yes"}, follow=True)
    assert "Take it back" in done.content.decode()
    assert set(Case.objects.values_list("region", flat=True)) == {"Chest"}
    client.post(done.request["PATH_INFO"] + "undo/")
    assert set(Case.objects.values_list("region", flat=True)) == {""}
