"""What holds data of patients is for the account that runs the site, and for nobody else on the machine."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

OTHERS = stat.S_IRWXG | stat.S_IRWXO
FOLDERS = ("media", "uploads", "exports", "indexes", "models", "run")
FILES = ("data_keys", "data_keys.made", "secret_key", "setup.json")
# What SQLite keeps beside a database has its mode from the database, but only when it is made.
BESIDE = ("", "-wal", "-shm", "-journal")


def close_site() -> list[Path]:
    """Takes from others what they could read of a site that was made before; says what it was."""
    changed = []
    for path in open_to_others():
        # Of another owner: the check of the deployment goes on naming it.
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
            changed.append(path)
    return changed


def open_to_others() -> Iterator[Path]:
    """The folder of the site and what in it others could open; below a folder that is closed nobody gets."""
    for path in _places():
        with suppress(OSError):
            found = path.lstat()
            if not stat.S_ISLNK(found.st_mode) and stat.S_IMODE(found.st_mode) & OTHERS:
                yield path


def _places() -> Iterator[Path]:
    home = Path(settings.CDSS_HOME)
    yield home
    yield from (home / name for name in (*FOLDERS, *FILES))
    if file := database_file():
        yield from (Path(f"{file}{ending}") for ending in BESIDE)


def database_file() -> str:
    """Of a site on SQLite."""
    found = settings.DATABASES["default"]
    return str(found["NAME"]) if "sqlite3" in str(found["ENGINE"]) else ""
