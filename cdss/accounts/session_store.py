"""The engine of sessions (SESSION_ENGINE): each row says whose it is, so that a person can be shown their own."""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Any]:
        from cdss.accounts.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        owner = str(data.get(SESSION_KEY, ""))
        row.user_id = int(owner) if owner.isdecimal() else None
        return row
