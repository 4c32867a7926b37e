"""Bringing everything that is encrypted under the current key: rows and files, in batches that can be interrupted."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models.functions import Cast

from cdss.audit.services import record
from cdss.encryption import (
    TEXT_MARK,
    EncryptionError,
    Key,
    current_key,
    decrypt_bytes,
    encrypt_bytes,
    key_of_file,
    keys,
    keys_store,
    stored_files,
)
from cdss.exchange.held import exports_left, exports_rotate
from cdss.fields import EncryptedTextField

BATCH = 200


@dataclass(slots=True)
class Rotated:
    key: str
    rows: int = 0
    files: int = 0
    exports: int = 0
    # Exports that could not be read, and are made again by whoever asked for them.
    exports_gone: int = 0
    forgotten: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def keys_rotate(*, new: bool = True, forget_old: bool = False, batch: int = BATCH) -> Rotated:
    """Makes a new key, unless only an interrupted rotation is to be ended, and encrypts everything with it.

    What is under the current key already is left alone, so that a second run goes on where a first one stopped.
    """
    if new:
        keys_store((Key.new(), *keys()))
    done = Rotated(current_key().id)
    for model, fields in encrypted_models():
        done.rows += _rows(model, fields, batch)
    done.files = sum(_file(path) for path in stored_files())
    done.exports, done.exports_gone = exports_rotate()
    if forget_old:
        done.forgotten = _forget_old()
    record(action="keys.rotated", details=done.as_json())
    return done


def encrypted_models() -> Iterator[tuple[type[models.Model], list[str]]]:
    for model in apps.get_models():
        fields = [field.name for field in model._meta.local_fields if isinstance(field, EncryptedTextField)]
        if fields:
            yield model, fields


def not_under(model: type[models.Model], field: str, key: str) -> models.QuerySet[Any]:
    """Rows whose value of this field is there and not encrypted with this key."""
    raw = model._base_manager.annotate(stored=Cast(field, models.TextField()))
    return raw.exclude(stored__startswith=f"{TEXT_MARK}{key}:").exclude(stored="").exclude(stored__isnull=True)


def _rows(model: type[models.Model], fields: list[str], batch: int) -> int:
    done = 0
    for field in fields:
        while True:
            with transaction.atomic():
                pks = list(
                    not_under(model, field, current_key().id).order_by("pk").values_list("pk", flat=True)[:batch]
                )
                if not pks:
                    break
                found = list(model._base_manager.select_for_update().filter(pk__in=pks).only("pk", *fields))
                model._base_manager.bulk_update(found, fields, batch_size=batch)
                done += len(found)
    return done


def _file(path: Path) -> int:
    """Read, decrypted, and put in its place in one step. A file that is gone meanwhile needs nothing."""
    try:
        if key_of_file(path) == current_key().id:
            return 0
        content = encrypt_bytes(decrypt_bytes(path.read_bytes()))
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except FileNotFoundError:
        return 0
    return 1


def _forget_old() -> int:
    current = keys()[0]
    left = [f"{model._meta.label}.{field}" for model, fields in encrypted_models() for field in fields
            if not_under(model, field, current.id).exists()]  # fmt: skip
    left += [path.name for path in stored_files() if key_of_file(path) != current.id]
    left += [f"the export {path.parent.name}" for path in exports_left()]
    if left:
        raise EncryptionError(f"Old keys are still needed, for {left[0]}. Run rotate_keys --continue, then try again.")
    old = len(keys()) - 1
    keys_store((current,))
    return old
