"""Fields a format of others has no place for, as JSON beside its own: read with the checks of case lines."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cdss.library.authored import AUTHORED_CHOICES, AUTHORED_LISTS, AUTHORED_RECORDS, choice_of, records_of
from cdss.library.field_values import RowError, flag_of, text_of, texts_of

TEXTS = frozenset({
    "source_name", "source_id", "title", "age", "sex", "history", "exam", "findings", "diagnosis", "diagnosis_by",
    "discussion", "treatment", "topic", "topic_title", "category", "licence", "abstract", "alternative_title",
    "alternative_abstract", "region", "organ_system", "pathology",
})  # fmt: skip
LISTS = frozenset({"differential", *AUTHORED_LISTS})
IMAGE_TEXTS = frozenset({"modality", "sequence", "plane", "region", "location", "caption", "licence", "attribution"})


def extended(values: Mapping[str, Any], said: Iterable[tuple[str, str]], *, of_image: bool = False) -> dict[str, Any]:
    """The values with those of the extension over them. A name that is none of ours is passed over."""
    return {**values, **{name: value for name, text in said for value in _value(name, text, of_image)}}


def _value(name: str, text: str, of_image: bool) -> list[Any]:
    try:
        data = {name: json.loads(text)}
    except (ValueError, RecursionError) as error:
        raise RowError(f"{name[:40]}: the extension holds no JSON") from error
    if of_image:
        return [text_of(data, name)] if name in IMAGE_TEXTS else [flag_of(data, name)] if name == "key" else []
    if name in TEXTS:
        return [text_of(data, name)]
    if name in LISTS:
        return [texts_of(data, name)]
    if name in AUTHORED_RECORDS:
        return [records_of(data, name)]
    if name in AUTHORED_CHOICES:
        return [choice_of(data, name)]
    return [flag_of(data, name)] if name == "synthetic" else []
