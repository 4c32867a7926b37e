"""Reading the trail from its first row to its last, and naming the first row that is not what was written."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from cdss.audit.anchors import ANCHORED, stored_anchors
from cdss.audit.chain import Fields, fields_hash
from cdss.audit.models import GENESIS, ChainHead, Event
from cdss.audit.standalone.verify_export import NOT_THE_HEAD, NOT_THE_NOTED, UNREADABLE, Anchor, Chain, Row, cut_off

__all__ = ["NOT_THE_HEAD", "NOT_THE_NOTED", "Report", "verify"]

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Report:
    """How far the trail was read; `sequence` and `problem` of the first broken row when there is one."""

    events: int = 0
    last: int = 0
    head: str = GENESIS
    anchors: int = 0
    sequence: int | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        return self.sequence is None


def verify(noted: tuple[int, str] | None = None, anchors: Sequence[Anchor] = ()) -> Report:
    """One pass in constant memory. Events that are added meanwhile are read too.

    `noted` is the number and hash of an event kept outside the database, `anchors` are ones that were exported: a trail
    that was made anew, head, stored anchors and all, holds in itself and does not lead to them.
    """
    head, stored = _head(), stored_anchors()
    chain, known = Chain([*stored, *anchors, *([Anchor("", *noted)] if noted else [])]), set(stored)
    try:
        for fields, digest in _rows():
            row = Row(fields.sequence, fields_hash(fields), digest, fields.previous_hash)
            expected = chain.last + 1
            if problem := chain.step(row):
                return _broken(chain, expected, problem)
            if row.sequence == head.sequence and digest != head.hash:
                return _broken(chain, row.sequence, NOT_THE_HEAD)
            if fields.action == ANCHORED and (problem := _without_its_anchor(fields, known)):
                return _broken(chain, row.sequence, problem)
    except (TypeError, ValueError, AttributeError, OverflowError, KeyError):
        return _broken(chain, chain.last + 1, UNREADABLE)
    if later := chain.beyond():
        return _broken(chain, chain.last + 1, cut_off(later))
    return _compared_with_head(chain, head)


def _head() -> ChainHead:
    return ChainHead.objects.order_by("pk").first() or ChainHead(sequence=0, hash=GENESIS)


def _rows() -> Iterator[tuple[Fields, str]]:
    rows = Event.objects.order_by("sequence").values_list(*Fields._fields, "hash")
    for row in rows.iterator(chunk_size=CHUNK):
        yield Fields(*row[:-1]), row[-1]


def _broken(chain: Chain, sequence: int, problem: str) -> Report:
    return Report(chain.events, chain.last, chain.head, chain.anchored, sequence, problem)


def _without_its_anchor(fields: Fields, known: Set[Anchor]) -> str:
    """An anchor that was made has an event; one that is gone or another one is missed by it."""
    made = Anchor(str(fields.details["date"]), int(str(fields.details["sequence"])), str(fields.details["hash"]))
    # It may have been made while the trail is read.
    if made in known or made in stored_anchors():
        return ""
    return f"The anchor of {made.date} that it tells of is gone or was changed."


def _compared_with_head(chain: Chain, before: ChainHead) -> Report:
    """The last row against the head: as it was before the pass, and as it is now."""
    if chain.last < before.sequence:
        return _broken(chain, chain.last + 1, f"Events up to {before.sequence} were cut off the end.")
    now = _head()
    if chain.last > now.sequence:
        return _broken(chain, now.sequence + 1, f"It was added past the head of the chain, which is at {now.sequence}.")
    if chain.last == now.sequence and chain.head != now.hash:
        return _broken(chain, chain.last, NOT_THE_HEAD)
    return Report(chain.events, chain.last, chain.head, chain.anchored)
