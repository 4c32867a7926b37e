"""What an import would do, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from cdss.library.case_images import read_images, source_digest
from cdss.library.case_text import case_text
from cdss.library.field_values import RowError
from cdss.library.importers.base import Read
from cdss.library.models import Case, Kind, State
from cdss.library.rows import CaseRow, GamutRow, Row, row_hash
from cdss.library.services import Target, _case_values, _existing, _is_current, _state

CHANGES = ("created", "updated", "unchanged", "skipped")


@dataclass(frozen=True, slots=True)
class Planned:
    """`change` is created, updated, unchanged or skipped; `why` says so where it is not plain."""

    change: str
    title: str = ""
    images: int = 0
    why: str = ""
    problems: tuple[str, ...] = ()
    removed: int = 0


def planned_lines(reads: Iterable[Read], target: Target) -> Iterator[dict[str, Any]]:
    """What would come of each row, as JSON; `line` is its place in the source."""
    first: dict[tuple[str, str], int] = {}
    for read in reads:
        found = Planned("skipped", why=read.reason) if read.row is None else row_planned(row=read.row, target=target)
        if read.row is not None and found.change in ("created", "updated"):
            at = first.setdefault((read.row.source_name, read.row.source_id), read.line)
            if at != read.line:
                found = replace(found, change="updated", why=f"It stands on line {at} too: this one takes its place.")
        yield {"line": read.line} | asdict(found) | {"problems": list(found.problems)}


def case_planned(*, row: CaseRow, target: Target) -> Planned:
    """Reads everything that storing the row would read; writes nothing."""
    try:
        return _planned(row, target)
    except RowError as error:
        return Planned("skipped", row.title or row.source_id, why=str(error))


def row_planned(*, row: Row, target: Target) -> Planned:
    """The same for rows of every kind."""
    if isinstance(row, CaseRow):
        return case_planned(row=row, target=target)
    if isinstance(row, GamutRow):
        return Planned("skipped", row.finding, why="It is a row of a reference collection.")
    try:
        item = _existing(row, target.kind or Kind(row.kind), target)
    except RowError as error:
        return Planned("skipped", row.title, why=str(error))
    if not row.text.strip():
        return Planned("skipped", row.title, why="text: there is none")
    if item is not None and _is_current(item, row_hash(row), row, target):
        return Planned("unchanged", row.title, why="It is there already.")
    return Planned("created" if item is None else "updated", row.title)


def _planned(row: CaseRow, target: Target) -> Planned:
    item = _existing(row, Kind.CASE, target)
    title = row.title or row.diagnosis or row.source_id
    if item is not None and Case.objects.filter(pk=item.pk, authored_here=True).exists():
        return Planned("unchanged", title, why="It was written here since, and stays so.")
    digest = row_hash(row, tuple(source_digest(image) for image in row.images))
    if item is not None and _is_current(item, digest, row, target):
        return Planned("unchanged", title, why="It is there already.")
    values, removed = _case_values(row)
    images, problems = read_images(row.images)
    if not images and not case_text(values, []):
        return Planned("skipped", title, why="; ".join(problems) or "The case is empty.")
    stays = item is not None and item.state in (State.REVIEW, State.RETIRED)
    why = f"It is {State(item.state).label.lower()}, and stays so." if item is not None and stays else ""
    if target.publish and _state(row, target) == State.DRAFT:
        why = f"{row.hold}: it would wait as a draft."
    change = "created" if item is None else "updated"
    return Planned(change, values["title"], len(images), why, tuple(problems), Counter(removed).total())
