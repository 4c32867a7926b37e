from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library import saved_searches
from cdss.library.models import SavedSearch

LIST = reverse("library:list")
SAVE = reverse("library:search_save")


@pytest.fixture
def as_clinician(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def test_filters_are_saved_shown_opened_and_deleted(as_clinician: Client, clinician: User) -> None:
    response = as_clinician.post(
        SAVE, {"name": " Lung nodules ", "q": "a & b", "kind": "case", "view": "table", "x": "y"}
    )
    saved = SavedSearch.objects.get()
    assert (saved.user, saved.name, saved.filters) == (
        clinician,
        "Lung nodules",
        {"q": "a & b", "kind": "case", "view": "table"},
    )
    assert response["Location"] == saved.get_absolute_url() == f"{LIST}?q=a+%26+b&kind=case&view=table"
    shown = unescape(as_clinician.get(LIST).content.decode())
    assert f'href="{saved.get_absolute_url()}"' in shown
    opened = as_clinician.get(saved.get_absolute_url())
    assert opened.context["filters"] == saved.filters
    assert opened.context["saved"] == [(saved, True)]
    assert as_clinician.post(reverse("library:search_delete", args=[saved.pk]))["Location"] == LIST
    assert not SavedSearch.objects.exists()


def test_saving_and_deleting_are_audited_without_the_words(as_clinician: Client) -> None:
    as_clinician.post(SAVE, {"name": "Mine", "q": "nodule of Mr Roe"})
    as_clinician.post(reverse("library:search_delete", args=[SavedSearch.objects.get().pk]))
    events = list(Event.objects.order_by("sequence").values_list("action", "actor", "details"))[-2:]
    assert events == [
        ("library.search_saved", "clinician", {"filters": 1}),
        ("library.search_deleted", "clinician", {}),
    ]


def test_another_user_neither_sees_nor_replaces_it(as_clinician: Client, clinician: User, educator: User) -> None:
    as_clinician.post(SAVE, {"name": "Nodules", "q": "nodule"})
    as_clinician.force_login(educator)
    assert as_clinician.get(LIST).context["saved"] == []
    as_clinician.post(SAVE, {"name": "Nodules", "q": "mass"})
    assert SavedSearch.objects.get(user=clinician).filters == {"q": "nodule"}


def test_the_same_name_replaces_the_search(as_clinician: Client) -> None:
    for words in ("nodule", "mass"):
        as_clinician.post(SAVE, {"name": "Mine", "q": words})
    assert [saved.filters for saved in SavedSearch.objects.all()] == [{"q": "mass"}]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": "Nothing"}, "no filter"),
        ({"name": "A view", "view": "table"}, "no filter"),
        ({"name": "Unknown", "kind": "poem"}, "no filter"),
        ({"name": "  ", "q": "nodule"}, "name"),
        ({"name": "n" * 81, "q": "nodule"}, "name"),
    ],
)
def test_what_cannot_be_saved_is_said(as_clinician: Client, data: dict[str, str], said: str) -> None:
    response = as_clinician.post(SAVE, data, follow=True)
    assert said in " ".join(str(message) for message in response.context["messages"])
    assert not SavedSearch.objects.exists()


def test_there_is_a_most(as_clinician: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches, "MOST_SAVED", 1)
    for name in ("One", "Two"):
        as_clinician.post(SAVE, {"name": name, "q": name})
    as_clinician.post(SAVE, {"name": "One", "q": "again"})
    assert [(saved.name, saved.filters["q"]) for saved in SavedSearch.objects.all()] == [("One", "again")]


def test_only_a_narrowed_list_can_be_saved(as_clinician: Client) -> None:
    assert "Save this search" not in as_clinician.get(LIST).content.decode()
    assert "Save this search" in as_clinician.get(f"{LIST}?q=x").content.decode()
