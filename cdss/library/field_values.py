"""Values of a row as they come: each either has the form its field asks for, or is refused by name."""

import re
from collections.abc import Mapping
from typing import Any


class RowError(ValueError):
    """A row that cannot be stored. The message names the field and what is wrong with it."""


def clean(text: str) -> str:
    """What every database can store: no NUL, no lone surrogate, one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode().strip()


def text_of(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = "; ".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(f"{key}: expected a text, found {kind_of(value)}")
    return clean(str(value))


def texts_of(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        value = re.split(r"[\n;]", value)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise RowError(f"{key}: expected a list of texts, found {kind_of(value)}")
    return tuple(text for each in value if (text := clean(each)))


def flag_of(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key)
    if value is not None and not isinstance(value, bool):
        raise RowError(f"{key}: expected true or false, found {kind_of(value)}")
    return bool(value)


def kind_of(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")
