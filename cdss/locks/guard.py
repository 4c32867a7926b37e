"""Read-only holds in the database: whatever writes, a page, a command or a worker, is refused there."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from cdss.locks.models import Mode, SiteLock
from cdss.locks.modes import LockedError
from cdss.read_only import is_lifted

_WRITE = re.compile(r'\s*(?:INSERT(?: OR \w+)? INTO|REPLACE INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
# The trail of what is done and refused, sessions, failed sign-ins, the lock itself, and what migrations keep.
_GO_ON = re.compile(r"audit_|accounts_session$|axes_|locks_|django_migrations$|django_content_type$|auth_permission$")


def install(*, connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    if not any(isinstance(wrapper, Guard) for wrapper in connection.execute_wrappers):
        connection.execute_wrappers.insert(0, Guard(connection))


class Guard:
    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.has_table = False

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        written = _WRITE.match(sql)
        if written and not _GO_ON.match(written[1]) and not is_lifted() and self.is_read_only():
            raise LockedError(Mode.READ_ONLY)
        return execute(sql, params, many, context)

    def is_read_only(self) -> bool:
        if Mode.READ_ONLY in settings.LOCKED_MODES:
            return True
        return self._is_there() and SiteLock.objects.using(self.connection.alias).filter(mode=Mode.READ_ONLY).exists()

    def _is_there(self) -> bool:
        """A database that is being made has no such table yet; once there, it stays."""
        if not self.has_table:
            self.has_table = SiteLock._meta.db_table in self.connection.introspection.table_names()
        return self.has_table
