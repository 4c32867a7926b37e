"""Several workers encode at once, on this host and others: each takes pieces, and no two the same one.

A claim is a row that only one of them can add. It goes when the vectors are stored, with the worker that held it where
that can be told, and after a while in any case: a worker that was killed holds nothing up.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cdss.indexing.models import EncodingClaim

# A batch takes seconds; this is for machines that stand still for a while.
LEASE = timedelta(minutes=3)
LOOK_AGAIN_SECONDS = 1.0
_TOKEN = secrets.token_hex(4)

# Ids without a vector, in the order they are to be encoded: of these, or of all.
Pending = Callable[[Sequence[int] | None], list[int]]


def worker_name() -> str:
    """Of this process on this host."""
    return f"{socket.gethostname()[:20]}:{os.getpid()}:{_TOKEN}"


@contextmanager
def claimed(*, what: str, encoder: str, targets: Sequence[int]) -> Iterator[list[int]]:
    """Those of the targets that nobody else is encoding; they are this worker's until the end."""
    claims = EncodingClaim.objects.filter(what=what, encoder=encoder, target__in=targets)
    _release(claims)
    worker, until = worker_name(), timezone.now() + LEASE
    # All in one order: two workers that want the same ones wait for each other, never both.
    rows = [
        EncodingClaim(what=what, target=target, encoder=encoder, worker=worker, until=until)
        for target in sorted(targets)
    ]
    with transaction.atomic():
        EncodingClaim.objects.bulk_create(rows, ignore_conflicts=True)
    own = claims.filter(worker=worker)
    try:
        yield sorted(own.values_list("target", flat=True))
    finally:
        own.delete()


def encode_claimed(
    *,
    what: str,
    encoder: str,
    pending: Pending,
    at_once: int,
    encode: Callable[[list[int]], None],
    progress: Callable[[int, int], None],
    wait: bool = True,
) -> int:
    """Encodes what is pending, batch after batch, each item by one worker; returns of how many this one did.

    Comes back when nothing is left, whoever did it; without `wait`, when the rest is in other hands.
    """
    done, left = 0, pending(None)
    progress(0, len(left))
    while left:
        before = done
        for start in range(0, len(left), at_once):
            with claimed(what=what, encoder=encoder, targets=left[start : start + at_once]) as mine:
                # Another worker may have done it since.
                if mine and (still := pending(mine)):
                    encode(still)
                    done += len(still)
            progress(min(start + at_once, len(left)), len(left))
        left = pending(None)
        if left and done == before:
            if not wait:
                break
            time.sleep(LOOK_AGAIN_SECONDS)
            left = pending(None)
    return done


def _release(claims: QuerySet[EncodingClaim]) -> None:
    """What was claimed too long ago, or by a process of this host that is no longer there."""
    now, host = timezone.now(), f"{socket.gethostname()[:20]}:"
    gone = [
        pk
        for pk, worker, until in claims.values_list("pk", "worker", "until")
        if until < now or (worker.startswith(host) and not _is_alive(worker))
    ]
    if gone:
        EncodingClaim.objects.filter(pk__in=gone).delete()


def _is_alive(worker: str) -> bool:
    try:
        os.kill(int(worker.split(":")[1]), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError, IndexError):
        return True
    return True
