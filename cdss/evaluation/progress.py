from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


class Bar:
    """A Progress: one bar of progress for each step, on a terminal."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        if self.bar is None or self.step != step or done == 0:
            self._close()
            self.step, self.bar = step, tqdm(total=total, desc=step, file=sys.stderr, disable=None)
        self.bar.update(done - self.bar.n)
        if done >= total:
            self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None
