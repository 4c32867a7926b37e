"""What is stored of patients is encrypted with AES-256-GCM under a key of the site.

Every value names its key, so keys can be changed while the site runs. A value without the mark of encryption is read as
it is: that is how rows from before are read until the migration has passed over them.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cdss import waiting
from cdss.env import secret_file_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TEXT_MARK = "enc1:"
FILE_MARK = b"CDSSENC1"
KEY_BYTES, NONCE_BYTES = 32, 12
KEY_ID = re.compile(r"[0-9a-f]{8}")
ENVIRONMENT = "CDSS_DATA_KEYS"


class EncryptionError(RuntimeError):
    """Data cannot be read or written for want of a key. Nothing was changed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes

    @classmethod
    def new(cls) -> Key:
        return cls(secrets.token_hex(4), secrets.token_bytes(KEY_BYTES))

    @classmethod
    def read(cls, line: str) -> Key:
        name, _, encoded = line.strip().partition(":")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise ImproperlyConfigured(BAD_KEY) from error
        if not KEY_ID.fullmatch(name) or len(secret) != KEY_BYTES:
            raise ImproperlyConfigured(BAD_KEY)
        return cls(name, secret)

    def __str__(self) -> str:
        return f"{self.id}:{base64.b64encode(self.secret).decode()}"


BAD_KEY = (
    f"The data keys cannot be read. In {ENVIRONMENT} or the file data_keys of CDSS_HOME, write ID:KEY, eight "
    f"hexadecimal "
    "digits and 32 bytes in base64, one on a line or separated by commas, the newest first."
)


def key_file() -> Path:
    return Path(_key_path())


def _key_path() -> str:
    # Asked for each value that is read: no path is made for it.
    return f"{settings.CDSS_HOME}/data_keys"


def _made_note() -> Path:
    """Stands beside the key file and says that there was one: a lost one is never made anew in silence."""
    return Path(settings.CDSS_HOME) / "data_keys.made"


def keys() -> tuple[Key, ...]:
    """All keys of the site, the one that encrypts first. Made at the first use on a new site."""
    return _keys(os.environ.get(ENVIRONMENT, ""), _key_path())


@cache
def _keys(from_environment: str, path: str) -> tuple[Key, ...]:
    if from_environment.strip():
        return tuple(Key.read(line) for line in re.split(r"[,\s]+", from_environment.strip()))
    file = Path(path)
    if not file.exists():
        # Another thread or process may have made the keys between the two questions.
        if _made_note().exists() and not file.exists():
            raise EncryptionError(
                f"The data keys of this site are missing. Put the file {file.name} back into CDSS_HOME from its "
                f"backup, or "
                f"set {ENVIRONMENT}. Nothing was changed; what is encrypted stays as it is."
            )
        with suppress(FileExistsError):
            keys_store((Key.new(),), new=True)
    if found := tuple(Key.read(line) for line in file.read_text().split()):
        return found
    raise EncryptionError(f"The file {file.name} of CDSS_HOME is empty. Put it back from its backup.")


def keys_store(found: tuple[Key, ...], *, new: bool = False) -> None:
    """Writes the key file, readable by its owner only, all of it or nothing."""
    if os.environ.get(ENVIRONMENT, "").strip():
        raise EncryptionError(f"The keys come from {ENVIRONMENT}: change them there.")
    file = key_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    place = file if new else file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    secret_file_new(place, "".join(f"{key}\n" for key in found))
    if not new:
        place.replace(file)
    _made_note().touch(mode=0o600)
    _keys.cache_clear()


def forget_cached_keys() -> None:
    _keys.cache_clear()


@cache
def _cipher(secret: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(secret)


def current_key() -> Key:
    return keys()[0]


def _key(name: str) -> Key:
    for key in keys():
        if key.id == name:
            return key
    # A rotation in another process has written a new one.
    _keys.cache_clear()
    for key in keys():
        if key.id == name:
            return key
    raise EncryptionError(
        f"This was encrypted with the key {name}, which the site does not have. Put that key back into data_keys "
        f"of CDSS_HOME "
        f"or {ENVIRONMENT}. Nothing was changed; what is encrypted stays as it is."
    )


def _sealed(data: bytes, key: Key) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(key.secret).encrypt(nonce, data, key.id.encode())


def _opened(sealed: bytes, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    key = _key(name)
    try:
        return _cipher(key.secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError) as error:
        raise EncryptionError(
            f"This does not open with the key {name}: it was damaged or changed, or the key is another one of "
            f"that name. "
            "Restore it from a backup."
        ) from error


def encrypt_text(text: str) -> str:
    if not settings.ENCRYPTION:
        return text
    key = current_key()
    return f"{TEXT_MARK}{key.id}:{base64.b64encode(_sealed(text.encode(), key)).decode()}"


def decrypt_text(stored: str) -> str:
    if not stored.startswith(TEXT_MARK):
        return stored
    name, _, encoded = stored[len(TEXT_MARK) :].partition(":")
    if not KEY_ID.fullmatch(name):
        return stored
    try:
        sealed = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise EncryptionError("An encrypted value is damaged. Restore it from a backup.") from error
    return _opened(sealed, name).decode()


def encrypt_bytes(data: bytes) -> bytes:
    if not settings.ENCRYPTION:
        return data
    key = current_key()
    return FILE_MARK + key.id.encode() + _sealed(data, key)


def decrypt_bytes(stored: bytes) -> bytes:
    if not stored.startswith(FILE_MARK):
        return stored
    at = len(FILE_MARK)
    return _opened(stored[at + 8 :], stored[at : at + 8].decode("ascii", "replace"))


def key_of_text(stored: str) -> str:
    """The name of the key a stored value was encrypted with; empty for one that is not encrypted."""
    name = stored[len(TEXT_MARK) :].partition(":")[0] if stored.startswith(TEXT_MARK) else ""
    return name if KEY_ID.fullmatch(name) else ""


def key_of_file(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(len(FILE_MARK) + 8)
    return start[len(FILE_MARK) :].decode("ascii", "replace") if start.startswith(FILE_MARK) else ""


def stored_files() -> Iterator[Path]:
    """Every file of the site that holds pictures of patients."""
    media = Path(settings.MEDIA_ROOT)
    for folder in ("cases", "consultations", "authoring", "thumbnails", "series"):
        yield from (path for path in sorted((media / folder).rglob("*")) if path.suffix in (".png", ".jpg", ".gz"))
    # What waits for a look at burnt-in text, or for the rest of its study.
    yield from waiting.held_in(waiting.folder())
