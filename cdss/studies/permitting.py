"""Who changes the series of a case: who writes it, while it is open to that."""

from __future__ import annotations

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.library.models import Case
from cdss.library.writing import desk


def may_author(user: User, case: Case) -> bool:
    return may(user, Action.AUTHOR) and desk().writable(user).filter(pk=case.pk).exists()


def is_named_author(user: User, case: Case) -> bool:
    """The owner, or a co-author: what they draw is for those who read the case."""
    return case.owner_id == user.pk or desk().authored(user).filter(pk=case.pk).exists()
