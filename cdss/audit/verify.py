"""Reading the trail from its first row to its last, and naming the first row that is not what was written."""

from collections.abc import Iterator
from dataclasses import dataclass

from cdss.audit.chain import Fields, fields_hash
from cdss.audit.models import GENESIS, ChainHead, Event

CHUNK = 2000
NOT_THE_HEAD = "It is not the event that the head of the chain names."
NOT_THE_NOTED = "It is not the event that was noted: this one or one before it was rewritten."


@dataclass(frozen=True, slots=True)
class Report:
    """How far the trail was read; `sequence` and `problem` of the first broken row when there is one."""

    events: int = 0
    last: int = 0
    head: str = GENESIS
    sequence: int | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        return self.sequence is None

    def broken(self, sequence: int, problem: str) -> "Report":
        return Report(self.events, self.last, self.head, sequence, problem)


def verify(noted: tuple[int, str] | None = None) -> Report:
    """One pass in constant memory. Events that are added meanwhile are read too.

    `noted` is the number and hash of an event kept outside the database: a trail that was made anew, head and all,
    holds in itself and does not lead to it.
    """
    head = _head()
    report = Report()
    try:
        for fields, stored in _rows():
            if problem := _problem(fields, stored, report):
                return report.broken(report.last + 1, problem)
            if fields.sequence == head.sequence and stored != head.hash:
                return report.broken(fields.sequence, NOT_THE_HEAD)
            if noted and fields.sequence == noted[0] and stored != noted[1]:
                return report.broken(fields.sequence, NOT_THE_NOTED)
            report = Report(report.events + 1, fields.sequence, stored)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return report.broken(report.last + 1, "Its fields cannot be read.")
    if noted and report.last < noted[0]:
        return report.broken(report.last + 1, f"Events up to the noted one, {noted[0]}, were cut off the end.")
    return _compared_with_head(report, head)


def _head() -> ChainHead:
    return ChainHead.objects.order_by("pk").first() or ChainHead(sequence=0, hash=GENESIS)


def _rows() -> Iterator[tuple[Fields, str]]:
    rows = Event.objects.order_by("sequence").values_list(*Fields._fields, "hash")
    for row in rows.iterator(chunk_size=CHUNK):
        yield Fields(*row[:-1]), row[-1]


def _problem(fields: Fields, stored: str, report: Report) -> str:
    expected = report.last + 1
    if fields.sequence > expected:
        return f"It is missing; the next event there is has number {fields.sequence}."
    if fields.sequence < expected:
        return f"An event with number {fields.sequence} stands before it."
    if fields_hash(fields) != stored:
        return "Its fields were changed after it was written."
    if fields.previous_hash != report.head:
        return "It does not follow the event before it: one of the two was rewritten."
    return ""


def _compared_with_head(report: Report, before: ChainHead) -> Report:
    """The last row against the head: as it was before the pass, and as it is now."""
    if report.last < before.sequence:
        return report.broken(report.last + 1, f"Events up to {before.sequence} were cut off the end.")
    now = _head()
    if report.last > now.sequence:
        return report.broken(now.sequence + 1, f"It was added past the head of the chain, which is at {now.sequence}.")
    if report.last == now.sequence and report.head != now.hash:
        return report.broken(report.last, NOT_THE_HEAD)
    return report
