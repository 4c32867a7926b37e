"""What an event's hash is made of."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import NamedTuple

from cdss.audit.standalone.verify_export import event_hash

MAX_TEXT = 200
MAX_ITEMS = 50
# Beyond it a database may give a whole number back for a fraction, and the hash would differ.
MAX_FRACTION = 1e15

Plain = str | int | float | bool | None


class DetailsError(ValueError):
    """Details that an event may not hold."""


class Fields(NamedTuple):
    sequence: int
    at: dt.datetime
    actor: str
    role: str
    location: str
    action: str
    object_type: str
    object_id: str
    details: Mapping[str, object]
    previous_hash: str


def fields_hash(fields: Fields) -> str:
    """SHA-256 of the fields as a JSON array: keys sorted, no spaces, ASCII, time in UTC."""
    return event_hash([fields.sequence, moment_text(fields.at), *fields[2:]])


def moment_text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def checked_details(details: Mapping[str, object]) -> dict[str, object]:
    """The details as they come back from the database, or DetailsError for what could carry case text."""
    if len(details) > MAX_ITEMS:
        raise DetailsError(f"An event has {len(details)} details; {MAX_ITEMS} are allowed.")
    return {_checked_text(name, str(name)): _checked(name, value) for name, value in details.items()}


def printable(text: str, length: int = MAX_TEXT) -> str:
    """What an event may hold of a text that someone typed."""
    return "".join(character for character in text if character.isprintable())[:length]


def _checked(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        _refuse_long(name, len(value))
        return {_checked_text(name, str(key)): _checked_plain(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        _refuse_long(name, len(value))
        return [_checked_plain(name, item) for item in value]
    return _checked_plain(name, value)


def _checked_plain(name: str, value: object) -> Plain:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _checked_text(name, value)
    if isinstance(value, float) and math.isfinite(value) and abs(value) < MAX_FRACTION:
        return value or 0.0
    raise DetailsError(f"Event detail {name!r} is a {type(value).__name__}: write ids, sizes, hashes or durations.")


def _checked_text(name: str, value: str) -> str:
    if len(value) > MAX_TEXT:
        raise DetailsError(f"Event detail {name!r} has {len(value)} characters of at most {MAX_TEXT}: no case text.")
    if not value.isprintable():
        raise DetailsError(f"Event detail {name!r} holds a line break or a control character: no case text.")
    return str(value)


def _refuse_long(name: str, items: int) -> None:
    if items > MAX_ITEMS:
        raise DetailsError(f"Event detail {name!r} has {items} items; {MAX_ITEMS} are allowed.")
