"""Figures that tests of faults measure, printed when they are run."""

from typing import Protocol


class Figure(Protocol):
    def __call__(self, name: str, **values: object) -> None: ...
