from django.conf import settings
from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.locks.models import Mode, SiteLock


class SetElsewhereError(ValueError):
    """The setting wins."""


@transaction.atomic
def mode_set(*, mode: Mode, on: bool, by: User) -> None:
    if mode in settings.LOCKED_MODES:
        raise SetElsewhereError(f"{mode.label} is set by CDSS_LOCKED_MODE and cannot be switched here.")
    if on == SiteLock.objects.filter(mode=mode).exists():
        return
    if on:
        SiteLock.objects.create(mode=mode, by=by)
    else:
        SiteLock.objects.filter(mode=mode).delete()
    record(action="lock.set" if on else "lock.lifted", by=by, details={"mode": mode.value})
