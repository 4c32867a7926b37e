import secrets
from collections.abc import Sequence
from typing import TypedDict, Unpack

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F

from cdss.accounts.models import Role, Session, User, UserGroup
from cdss.audit.services import record

# Without the characters that are taken for one another when read from a screen.
ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PASSWORD_LENGTH = 16


class LastAdministratorError(ValueError):
    """A change that would leave nobody to manage the accounts."""


class Profile(TypedDict, total=False):
    first_name: str
    last_name: str
    email: str
    role: str
    group: UserGroup | None
    department: str
    location: str
    is_active: bool


def new_password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))


@transaction.atomic
def user_create(*, username: str, by: User | None = None, **fields: Unpack[Profile]) -> tuple[User, str]:
    """The account and its first password, which is kept nowhere else and, made by another, has to be changed."""
    password = new_password()
    user = User.objects.create_user(username=username, password=password, password_is_anothers=by is not None, **fields)
    record(action="account.created", by=by, obj=user, details={"role": user.role})
    return user, password


@transaction.atomic
def user_update(*, user: User, by: User, **fields: Unpack[Profile]) -> User:
    """Fields are set together; the trail keeps their names, and the role before and after."""
    stored = User.objects.select_for_update().get(pk=user.pk)
    changed = sorted(name for name, value in fields.items() if getattr(stored, name) != value)
    if not changed:
        return stored
    before = stored.role
    for name in changed:
        setattr(stored, name, fields[name])  # type: ignore[literal-required]
    stored.save(update_fields=changed)
    _refuse_without_administrator(stored)
    details = {"changed": changed, "role_before": before, "role": stored.role, "active": stored.is_active}
    record(action="account.changed", by=by, obj=stored, details=details)
    return stored


@transaction.atomic
def group_save(*, group: UserGroup, by: User) -> UserGroup:
    """A new group, or new rules of one that is there; what was asked before keeps its rule."""
    was = UserGroup.objects.select_for_update().filter(pk=group.pk).first()
    group.save()
    details: dict[str, object] = {"commit_first": group.commit_first}
    if was is not None:
        details |= {"commit_first_before": was.commit_first, "renamed": was.name != group.name}
    record(action="group.changed" if was else "group.created", by=by, obj=group, details=details)
    return group


@transaction.atomic
def password_reset(*, user: User, by: User | None = None) -> str:
    """A new password, shown once, that has to be changed if another asked for it; every session of the account ends."""
    password = new_password()
    User.objects.filter(pk=user.pk).update(
        password=make_password(password), password_is_anothers=by is not None and by != user
    )
    record(action="account.password_reset", by=by, obj=user)
    return password


def sign_in_failed(*, username: str, address: str, locked: bool = False) -> None:
    """What was typed is kept nowhere: whether it is an account's name is."""
    known = User.objects.filter(username__iexact=username).first()
    action = "account.sign_in_refused" if locked else "account.sign_in_failed"
    record(action=action, obj=known, details={"account_exists": known is not None}, location=address)


def code_failed(*, user: User) -> None:
    record(action="account.second_factor_failed", obj=user)


def signed_in(*, user: User, methods: Sequence[str]) -> None:
    """What has run out, of anybody, is cleared away in passing."""
    Session.objects.expired().delete()
    record(action="account.signed_in", by=user, obj=user, details={"methods": list(methods)})


@transaction.atomic
def sessions_end(*, user: User, by: User) -> None:
    """Every session of the account ends; one's own is renewed by who calls this."""
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    record(action="account.sessions_ended", by=by, obj=user)


@transaction.atomic
def session_end(*, session: Session, by: User) -> None:
    """One session of an account; the others go on."""
    details = {"session": session.handle}
    session.delete()
    record(action="account.session_ended", by=by, obj=by, details=details)


@transaction.atomic
def second_factors_reset(*, user: User, by: User) -> int:
    """For who lost them: all are removed, and every session ends."""
    removed: int = Authenticator.objects.filter(user=user).delete()[0]
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    record(action="account.second_factors_reset", by=by, obj=user, details={"removed": removed})
    return removed


@transaction.atomic
def second_factor_changed(*, user: User, act: str, kind: str) -> None:
    """`act` is added, removed or renewed. Sessions that were signed in with other factors end."""
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    record(action=f"account.second_factor_{act}", by=user, obj=user, details={"kind": kind})


@transaction.atomic
def role_from_provider(*, user: User, role: Role) -> User:
    """The provider decides, even over the last administrator: the command line can make another."""
    stored = User.objects.select_for_update().get(pk=user.pk)
    if stored.role != role:
        before, stored.role = stored.role, role
        stored.save(update_fields=["role"])
        details = {"changed": ["role"], "role_before": before, "role": role, "active": stored.is_active}
        record(action="account.changed", obj=stored, details={**details, "from": "identity_provider"})
    return stored


def account_from_provider(*, user: User) -> None:
    record(action="account.created", obj=user, details={"role": user.role, "from": "identity_provider"})


@transaction.atomic
def refused_by_provider(*, user: User | None, reason: str) -> None:
    """Who has no role any more is out at once, everywhere."""
    if user:
        User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    record(action="account.sign_in_refused", obj=user, details={"account_exists": user is not None, "reason": reason})


def _refuse_without_administrator(changed: User) -> None:
    if not User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exists():
        raise LastAdministratorError(f"{changed.username} is the last active administrator: make another one first.")
