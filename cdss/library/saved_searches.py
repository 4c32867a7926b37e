"""Searches of the library that a user keeps under a name."""

from collections.abc import Mapping

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.models import SavedSearch

MOST_SAVED = 50


class SearchRefusedError(Exception):
    """Its message is for the person who wanted to keep the search."""


@transaction.atomic
def search_save(*, by: User, name: str, filters: Mapping[str, str]) -> SavedSearch:
    """Keeps the filters under this name; a search of the same name is replaced."""
    if not filters:
        raise SearchRefusedError("There is no filter to save. Search for a word or choose a filter first.")
    if not name:
        raise SearchRefusedError("Give the search a name.")
    User.objects.select_for_update().get(pk=by.pk)
    theirs = list(SavedSearch.objects.for_user(by))
    saved = next((search for search in theirs if search.name == name), None)
    if saved is None and len(theirs) >= MOST_SAVED:
        raise SearchRefusedError(f"{MOST_SAVED} searches are saved already. Delete one first.")
    saved = saved or SavedSearch(user=by, name=name)
    saved.filters = dict(filters)
    saved.save()
    # Words that were searched for may tell of a patient: the trail holds how many filters, not which.
    record(action="library.search_saved", by=by, obj=saved, details={"filters": len(filters)})
    return saved


def searches_of(user: User) -> list[SavedSearch]:
    """By name: the database cannot read them."""
    return sorted(SavedSearch.objects.for_user(user), key=lambda search: search.name.casefold())


@transaction.atomic
def search_delete(*, search: SavedSearch, by: User) -> None:
    record(action="library.search_deleted", by=by, obj=search)
    search.delete()
