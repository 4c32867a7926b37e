"""Differential groups of the package radiology-semantic-dict: a finding and the diagnoses listed for it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.text import slugify

from cdss.library.field_values import RowError, clean, text_of
from cdss.library.importers.base import FormatError, Importer, Read
from cdss.library.rows import GamutRow
from retrieval.machine import package_version

FILE = "differential_groups.json"
SOURCE = "radiology-semantic-dict"
LICENCE = "MIT, Copyright (c) 2024-2026 Low Lux Labs Inc."
# Left of a list, they name no diagnosis.
_NO_DIAGNOSIS = ("other ", "some ", "benign conditions", "normal ", "physiologic")


@dataclass(slots=True)
class _Group:
    """Groups that give the same finding of the same part of the body are one list."""

    line: int
    finding: str
    modality: str
    region: str
    numbers: list[int] = field(default_factory=list)
    diagnoses: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> Iterator[Read]:
    groups: dict[str, _Group] = {}
    for number, data in enumerate(_listed(path), start=1):
        try:
            _add(data, number, groups)
        except RowError as error:
            yield Read(number, reason=str(error))
    for key, group in groups.items():
        yield Read(group.line, _row(key, group, release()))


def _listed(path: Path) -> list[Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: this is not JSON.") from error
    if not isinstance(data, list):
        raise FormatError(f"{path}: expected a list of differential groups.")
    return data


def _add(data: object, number: int, groups: dict[str, _Group]) -> None:
    if not isinstance(data, Mapping):
        raise RowError("expected an object")
    finding, modality, region = (text_of(data, key) for key in ("presentation", "modality", "body_region"))
    finding = finding.strip("\"' ")
    listed = data.get("differentials")
    names = [name for each in listed if (name := _name(each))] if isinstance(listed, list) else []
    if not finding or not names:
        raise RowError("presentation, differentials: no finding is given, or no diagnosis is named")
    key = "/".join(slugify(part) for part in (finding, modality, region))
    group = groups.setdefault(key, _Group(number, finding, modality, region.lower()))
    group.numbers.append(number)
    for name in names:
        group.diagnoses.setdefault(name.lower(), name)


def _name(listed: object) -> str:
    """The diagnosis, when it names one: lists also end in "Other tumors" and "Normal aging"."""
    name = listed.get("name") if isinstance(listed, Mapping) else listed
    found = clean(name) if isinstance(name, str) else ""
    return "" if found.lower().startswith(_NO_DIAGNOSIS) else found


def _row(key: str, group: _Group, release: str) -> GamutRow:
    return GamutRow(
        source_name=SOURCE,
        source_id=key,
        release=release,
        finding=group.finding,
        modality=group.modality,
        region=group.region,
        diagnoses=tuple(group.diagnoses.values()),
        groups=tuple(group.numbers),
        licence=LICENCE,
    )


def release() -> str:
    return package_version(SOURCE)


IMPORTER = Importer("gamuts", lambda path: path.is_file() and path.name == FILE, read, lambda path: len(_listed(path)))
