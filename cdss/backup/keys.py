"""A backup holds no key. It says which keys it needs, in a form that tells the right one from another."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Mapping
from hashlib import sha256

from django.conf import settings

from cdss.backup.errors import BackupError
from cdss.encryption import ENVIRONMENT, Key, key_file, keys

SITE = "SECRET_KEY"


def checks_of(names: Iterable[str]) -> dict[str, str]:
    """For each key that is needed and here, and for SECRET_KEY, a check that does not tell the key."""
    known = {key.id: key for key in _known()}
    checks = {name: _check(known[name].secret) if name in known else "" for name in sorted(set(names))}
    return {**checks, SITE: _check(settings.SECRET_KEY.encode())}


def refuse_other_keys(checks: Mapping[str, str]) -> None:
    """Raises BackupError where this site has not the keys the backup was made with."""
    known = {key.id: _check(key.secret) for key in _known()}
    needed = {name: check for name, check in checks.items() if name != SITE}
    if missing := sorted(name for name in needed if name not in known):
        raise BackupError(
            f"The backup needs the data key {missing[0]}, which this site has not. Keys are in no backup: put the "
            f"file data_keys of the old site into CDSS_HOME, or set {ENVIRONMENT}. With --without-keys it is "
            "restored all the same, and what is encrypted stays unreadable until the key is there."
        )
    if other := sorted(name for name, check in needed.items() if check and known[name] != check):
        raise BackupError(f"The data key {other[0]} of this site is another one of that name. Put the old file back.")
    if checks.get(SITE) != _check(settings.SECRET_KEY.encode()):
        raise BackupError(
            "SECRET_KEY is not the one of the backup: second factors would not open, and patients of later imports "
            "would not be told to be the same. Put the file secret_key of the old site into CDSS_HOME, or set "
            "SECRET_KEY. With --without-keys it is restored all the same."
        )


def _known() -> tuple[Key, ...]:
    """Without making any: an empty place has none."""
    return keys() if os.environ.get(ENVIRONMENT, "").strip() or key_file().exists() else ()


def _check(secret: bytes) -> str:
    return hmac.new(secret, b"cdss.backup.key-check", sha256).hexdigest()[:32]
