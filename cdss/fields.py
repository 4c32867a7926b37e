"""Model fields whose values are encrypted in the database. They cannot be searched by it."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import FieldError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from cdss.encryption import decrypt_text, encrypt_text

ALLOWED = frozenset({"isnull"})


class EncryptedTextField(models.TextField):
    """An empty text stays empty, so that "is there one?" needs no key."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt_text(value) if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt_text(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        # Each encryption of the same text differs: comparing would find nothing, and say nothing of it.
        if lookup_name == "exact":
            return _EmptyOrNothing
        if lookup_name not in ALLOWED:
            raise FieldError(f"{self.name} is encrypted: it cannot be searched with {lookup_name}.")
        return super().get_lookup(lookup_name)


class _EmptyOrNothing(models.lookups.Exact):  # type: ignore[name-defined,misc]
    """`field=""` is the one comparison that holds."""

    def get_prep_lookup(self) -> Any:
        if self.rhs != "":
            raise FieldError("An encrypted field can only be compared with an empty text.")
        return ""


class EncryptedJSONField(EncryptedTextField):
    """JSON, kept as encrypted text; an empty list or object too."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    _pyi_lookup_exact_type: Any

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt_text(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False))

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(decrypt_text(value))

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj), cls=DjangoJSONEncoder)
