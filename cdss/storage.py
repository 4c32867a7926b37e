"""What a reader is told when the disk or the database does not take what is to be stored, or cannot be reached."""

import errno
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template import loader
from django.views.defaults import server_error as plain_server_error

FULL, READ_ONLY, BUSY, AWAY = "full", "read-only", "busy", "away"
ERRNOS = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY}
# As SQLite and PostgreSQL say it.
SAID = (
    ("disk is full", FULL),
    ("no space left", FULL),
    ("readonly database", READ_ONLY),
    ("read-only transaction", READ_ONLY),
    ("read-only file system", READ_ONLY),
    # Where SQLite cannot write its journal, it says no more than that.
    ("disk i/o error", READ_ONLY),
    ("unable to open database file", READ_ONLY),
    ("database is locked", BUSY),
    # Before those of a lost connection, whose words are around them.
    ("too many clients", BUSY),
    ("remaining connection slots", BUSY),
    # No connection to PostgreSQL, or one that is lost.
    ("connection failed", AWAY),
    ("connection is bad", AWAY),
    ("connection to server", AWAY),
    ("connection timeout", AWAY),
    ("could not connect", AWAY),
    ("could not receive data", AWAY),
    ("could not send data", AWAY),
    ("server closed the connection", AWAY),
    ("connection is lost", AWAY),
    ("connection is closed", AWAY),
    ("terminating connection", AWAY),
    ("the database system is", AWAY),
)


def storage_trouble(error: BaseException | None) -> str:
    """Which of the four it is; empty for anything else."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in ERRNOS:
            return ERRNOS[error.errno]
        if isinstance(error, (OperationalError, InterfaceError)):
            said = str(error).lower()
            if found := next((kind for words, kind in SAID if words in said), ""):
                return found
        error = error.__cause__ or error.__context__
    return ""


def server_error(request: HttpRequest) -> HttpResponse:
    """Where any part of the site failed, its middleware too. Without the request, which may be what failed."""
    trouble = storage_trouble(sys.exc_info()[1])
    if not trouble:
        return plain_server_error(request)
    page = loader.get_template("storage.html").render({"trouble": trouble})
    answer = HttpResponseServerError(page, status=503)
    answer["Retry-After"] = "5" if trouble in (BUSY, AWAY) else "300"
    return answer
