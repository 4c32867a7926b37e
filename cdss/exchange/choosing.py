"""Which cases leave: those that fit, of those that who asks may open. Nothing leaves out of a quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.library.browse import filtered
from cdss.library.models import Case, LibraryItem, State, Visibility
from cdss.library.quarantines import in_quarantine
from cdss.library.veils import open_to

MOST_IDS = 2000


@dataclass(frozen=True, slots=True)
class Chosen:
    """`filters` are those of the library's list."""

    collection: int | None = None
    state: str = ""
    ids: tuple[int, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)


def chosen_cases(chosen: Chosen, *, user: User | None) -> QuerySet[Case]:
    """Without a user: what everyone who signs in may see, and what is published."""
    everyones = Case.objects.filter(visibility=Visibility.PUBLIC, state=State.PUBLISHED)
    cases = everyones if user is None else open_to(user)
    cases = cases.exclude(in_quarantine())
    if chosen.collection:
        cases = cases.filter(collection_id=chosen.collection)
    if chosen.state:
        cases = cases.filter(state=chosen.state)
    if chosen.ids:
        cases = cases.filter(pk__in=chosen.ids)
    if any(chosen.filters.values()):
        wanted = {name: value for name, value in chosen.filters.items() if name not in ("kind", "view")}
        cases = cases.filter(pk__in=filtered(LibraryItem.objects.all(), wanted).values("pk"))
    return cases


def ids_of(text: str) -> tuple[int, ...]:
    """Numbers between commas or blanks. Raises ValueError for anything else."""
    words: Sequence[str] = text.replace(",", " ").split()
    found = tuple(dict.fromkeys(int(word) for word in words))
    if len(found) > MOST_IDS or any(not 0 < number < 2**62 for number in found):
        raise ValueError(text)
    return found
