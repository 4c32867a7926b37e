"""Processes that encode beside this one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def helping(count: int) -> Iterator[None]:
    """So many more `encode_library` for as long as this lasts; what one of them leaves undone, the others do."""
    command = [sys.executable, "manage.py", "encode_library"]
    quiet = os.environ | {"TQDM_DISABLE": "1"}
    children = [
        subprocess.Popen(  # noqa: S603
            command, cwd=settings.BASE_DIR, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        for _ in range(count)
    ]
    try:
        yield
        for child in children:
            child.wait()
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
