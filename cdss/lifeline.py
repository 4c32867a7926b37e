"""What `serve` started ends with it, however it ended: a pipe whose other end only `serve` has open."""

import os
import signal
import threading
import time

VARIABLE = "CDSS_LIFELINE"
# What is begun may be finished.
GRACE_SECONDS = 10.0


def hold() -> None:
    """In a process of `serve`, once; anywhere else nothing happens."""
    if descriptor := os.environ.pop(VARIABLE, ""):
        threading.Thread(target=_end_with_the_other_end, args=(int(descriptor),), daemon=True).start()


def _end_with_the_other_end(descriptor: int) -> None:
    # Nothing is ever written to it: reading comes back when nobody is there to write.
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
