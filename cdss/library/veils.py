"""Cases whose diagnosis somebody is still to find: for that person no page, list or search of this site has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.library.models import Case, LibraryItem

# Each app that hides cases from a person for a while adds which.
VEILS: list[Callable[[User], Iterable[int]]] = []
Rows = TypeVar("Rows", bound=QuerySet[LibraryItem])


def veiled(user: User | AnonymousUser | None) -> frozenset[int]:
    if not isinstance(user, User):
        return frozenset()
    return frozenset(pk for find in VEILS for pk in find(user))


def unveiled(rows: Rows, user: User | AnonymousUser | None) -> Rows:
    """`rows` without them. What is not in a list cannot be told from what does not match."""
    hidden = veiled(user)
    return rows.exclude(pk__in=hidden) if hidden else rows


def open_to(user: User | AnonymousUser) -> QuerySet[Case]:
    """Cases that this user opens as the library shows them."""
    return unveiled(Case.objects.viewable_by(user), user)
