"""A DICOM header as the child hands it over, asked like one that was parsed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Plain(dict[str, Any]):
    """Values by keyword, as attributes too; items of sequences are of the same kind."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> Plain:
        return cls({name: _plain(value) for name, value in values.items()})

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


def sequence(dataset: Plain, keyword: str) -> Sequence[Plain]:
    """The items of a sequence; none where there is no such sequence."""
    value = dataset.get(keyword)
    return [each for each in value if isinstance(each, Plain)] if isinstance(value, list) else []


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return Plain.of(value) if isinstance(value, dict) else value
