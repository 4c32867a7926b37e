"""A full disk, one that cannot be written to, a database in use: a page that says so, and 503."""

import errno
import os
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import Settings
from django.db import InterfaceError, OperationalError
from django.test import Client

from cdss.accounts.models import User
from cdss.encryption import EncryptionError, forget_cached_keys, keys
from cdss.storage import storage_trouble

CASES = [
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk of the server is full"),
    (OperationalError("database or disk is full"), "disk of the server is full"),
    (OperationalError("attempt to write a readonly database"), "cannot write to its disk"),
    (OperationalError("database is locked"), "The site is busy"),
    (OperationalError("connection failed: timeout expired"), "database cannot be reached"),
    (
        OperationalError('connection is bad: connection to server on socket "/x/.s.PGSQL.5432" failed: No such file'),
        "cannot be reached",
    ),
    (OperationalError('connection to server at "10.0.0.1", port 5432 failed: Connection refused'), "cannot be reached"),
    (OperationalError('connection to server at "db" failed: FATAL:  sorry, too many clients already'), "site is busy"),
    (OperationalError("consuming input failed: server closed the connection unexpectedly"), "cannot be reached"),
    (InterfaceError("the connection is closed"), "cannot be reached"),
]


@pytest.mark.parametrize(("error", "said"), CASES, ids=str)
def test_the_page_says_what_is_the_matter(client: Client, clinician: User, error: Exception, said: str) -> None:
    client.force_login(clinician)
    client.raise_request_exception = False
    with patch("cdss.accounts.views.render", side_effect=error):
        answer = client.get("/accounts/me/")
    assert (answer.status_code, "Retry-After" in answer) == (503, True)
    assert said in answer.content.decode()


def test_any_other_error_stays_what_it_is(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    client.raise_request_exception = False
    with patch("cdss.accounts.views.render", side_effect=OperationalError("no such column: x")):
        assert client.get("/accounts/me/").status_code == 500


def test_the_cause_counts_too() -> None:
    error = RuntimeError("the image could not be stored")
    error.__cause__ = OSError(errno.EROFS, "Read-only file system")
    assert storage_trouble(error) == "read-only"
    assert storage_trouble(None) == ""


def test_a_key_file_is_there_whole_or_not_at_all(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CDSS_HOME = tmp_path
    forget_cached_keys()
    with monkeypatch.context() as patched:
        patched.setattr("cdss.env.os.fsync", lambda number: (_ for _ in ()).throw(CASES[0][0]))
        with pytest.raises(OSError, match="No space"):
            keys()
    assert list(tmp_path.iterdir()) == []
    assert len(keys()) == 1
    (tmp_path / "data_keys").write_text("")
    forget_cached_keys()
    with pytest.raises(EncryptionError, match="is empty"):
        keys()
    forget_cached_keys()
