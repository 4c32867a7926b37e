"""Cases while they are written: who reads and changes one beside its owner. The editor says so when it starts.

What comes to a published case waits in its working text, and is read by others when that has been published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.library.models import Case, State
from cdss.library.veils import unveiled

if TYPE_CHECKING:
    from cdss.library.intake import IntakeImage


class Desk(Protocol):
    def writable(self, user: User) -> QuerySet[Case]:
        """Cases that this user may change now."""
        ...

    def readable(self, user: User) -> QuerySet[Case]:
        """Cases whose working text this user may read."""
        ...

    def authored(self, user: User) -> QuerySet[Case]:
        """Cases that this user is named as writing, at whatever stage they are."""
        ...

    def changed(self, *, case: Case, by: User, note: str) -> None:
        """Something came to the case, or left it: called in the transaction of that. Raises CaseClosedError."""
        ...

    def picture(self, *, case: Case, image: IntakeImage, caption: str, by: User) -> None:
        """An image for the working text of a case that is published. Raises CaseClosedError."""
        ...


class CaseClosedError(ValueError):
    """It is not written at present; the message says what opens it."""


class OwnDrafts:
    """Without an editor a case is changed by its owner, while it is a draft."""

    def writable(self, user: User) -> QuerySet[Case]:
        return Case.objects.filter(owner=user, state=State.DRAFT)

    def readable(self, user: User) -> QuerySet[Case]:
        return Case.objects.none()

    def authored(self, user: User) -> QuerySet[Case]:
        return Case.objects.filter(owner=user)

    def changed(self, *, case: Case, by: User, note: str) -> None:
        """There is no working text."""

    def picture(self, *, case: Case, image: IntakeImage, caption: str, by: User) -> None:
        raise CaseClosedError("A published case takes no image.")


_desk: list[Desk] = [OwnDrafts()]


def desk_set(desk: Desk) -> None:
    _desk[:] = [desk]


def desk() -> Desk:
    return _desk[0]


def in_hand(user: User | AnonymousUser) -> QuerySet[Case]:
    """Cases that this user reads as they are written."""
    return unveiled(desk().readable(user), user) if isinstance(user, User) else Case.objects.none()
