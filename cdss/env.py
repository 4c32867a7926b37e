"""Strict readers of environment variables: a value that cannot be understood stops the start and names its variable."""

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def boolean(name: str, default: bool) -> bool:
    value = text(name, str(default))
    if value not in ("True", "False"):
        raise ImproperlyConfigured(f"{name}={value!r}: write True or False.")
    return value == "True"


def integer(name: str, default: int, *, low: int, high: int) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number.") from error
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name}={number}: write a number from {low} to {high}.")
    return number


def fraction(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        number = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number from 0 to 1.") from error
    if not 0.0 <= number <= 1.0:
        raise ImproperlyConfigured(f"{name}={number}: write a number from 0 to 1.")
    return number


def choice(name: str, default: str, allowed: Collection[str]) -> str:
    value = text(name, default)
    if value not in allowed:
        shown = ", ".join(sorted(allowed)) if len(allowed) <= 10 else f"a known name such as {default}"
        raise ImproperlyConfigured(f"{name}={value!r}: write {shown}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def subset(name: str, default: str, allowed: Collection[str]) -> list[str]:
    """Words of a list, each of them known."""
    found = words(name, default)
    if unknown := [word for word in found if word not in allowed]:
        raise ImproperlyConfigured(f"{name}={','.join(unknown)!r}: write words of {', '.join(allowed)}.")
    return found


def pairs(name: str, allowed: Collection[str]) -> dict[str, str]:
    """KEY=VALUE,KEY=VALUE with known values."""
    found: dict[str, str] = {}
    for word in words(name):
        key, separator, value = word.rpartition("=")
        if not separator or not key.strip() or value.strip() not in allowed:
            raise ImproperlyConfigured(f"{name}={word!r}: write NAME=VALUE with one of {', '.join(allowed)}.")
        found[key.strip()] = value.strip()
    return found


def folder(name: str, default: Path) -> Path:
    value = text(name)
    return Path(value).expanduser().resolve() if value else default


@contextmanager
def writing(name: str, place: Path) -> Iterator[None]:
    """What cannot be written where a variable says names that variable."""
    try:
        yield
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}={place}: nothing can be written there ({error.strerror}). Name a folder of your own."
        ) from error


def private_file(path: Path) -> None:
    """Makes an empty file that its owner alone can read, where there is none: its mode is not left to the umask."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def secret_file_new(path: Path, content: str) -> None:
    """Makes a file that its owner alone can read: whole and on the disk, or not at all. Raises FileExistsError."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, this does not write over one that another process has just made.
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
