"""Who changes the series of a case: who writes it, while it is open to that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.library.models import Case
from cdss.library.writing import CaseClosedError, desk
from cdss.studies.errors import StudyError


def may_author(user: User, case: Case) -> bool:
    return may(user, Action.AUTHOR) and desk().writable(user).filter(pk=case.pk).exists()


def is_named_author(user: User, case: Case) -> bool:
    """The owner, or a co-author: what they draw is for those who read the case."""
    return case.owner_id == user.pk or desk().authored(user).filter(pk=case.pk).exists()


@contextmanager
def told_when_closed() -> Iterator[None]:
    """Around what is told to the editor: that the case is not written at present is a StudyError here."""
    try:
        yield
    except CaseClosedError as error:
        raise StudyError(str(error)) from error
