"""Keeps the index in step with the database: each change within seconds, whatever else went wrong within a minute."""

from __future__ import annotations

import logging
import threading
import time

from django.db import DatabaseError, close_old_connections

from cdss.indexing.models import IndexCheck, Occasion
from cdss.indexing.services import index_build
from cdss.indexing.versions.changes import is_due
from cdss.indexing.versions.checking import index_check
from cdss.locks.modes import LockedError
from retrieval.errors import RetrievalError

logger = logging.getLogger(__name__)
POLL_SECONDS = 1.0
CHECK_SECONDS = 30.0
# A check of a large library takes no more than this share of the time.
SHARE = 0.05


class Watch:
    """What one process remembers of when it built and checked."""

    def __init__(self) -> None:
        self.next_check = 0.0
        self.next_build = 0.0
        self.occasion = Occasion.START

    def look(self) -> IndexCheck | None:
        """One look: builds when changes are due, else checks when that is due. Raises what building raises."""
        now = time.monotonic()
        if now >= self.next_build and is_due():
            try:
                index_build()
            finally:
                # A library that changes all the time is built at most half of it.
                took = time.monotonic() - now
                self.next_build = now + 2 * took
            return None
        if now < self.next_check:
            return None
        check = index_check(occasion=self.occasion)
        self.occasion = Occasion.REGULAR
        self.next_check = time.monotonic() + max(CHECK_SECONDS, (time.monotonic() - now) / SHARE)
        return check


def keep_in_step(stop: threading.Event, *, seconds: float = POLL_SECONDS) -> None:
    """Looks until it is told to stop. What goes wrong is logged and tried again."""
    watch = Watch()
    while not stop.wait(seconds):
        try:
            watch.look()
        except LockedError:
            continue
        except (DatabaseError, RetrievalError, OSError) as error:
            logger.warning("the index could not be brought up to date (%s); it is tried again", type(error).__name__)
            stop.wait(10 * seconds)
        except Exception:
            # Whatever it was: if this ended, the index would fall behind, and nobody would be told.
            logger.exception("the index could not be brought up to date; it is tried again")
            stop.wait(10 * seconds)
        finally:
            close_old_connections()
