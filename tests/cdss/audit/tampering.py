"""What can be done to a list of exported events, and at which event it has to be found."""

import copy
import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

from cdss.audit.standalone.verify_export import FIELDS, event_hash

Row = dict[str, Any]
Rows = list[Row]
# The rows as they were changed, and the event at which that shows.
Changed = tuple[Rows, int]
EDITABLE = ("at", "actor", "role", "location", "action", "object_type", "object_id", "details", "previous_hash", "hash")


def rehash(row: Row) -> None:
    row["hash"] = event_hash([row[name] for name in FIELDS])


def other(row: Row, name: str) -> Any:
    if name == "details":
        return {**row["details"], "number": row["details"].get("number", 0) + 1}
    if name in ("hash", "previous_hash"):
        return hashlib.sha256(row[name].encode()).hexdigest()
    return row[name] + "0"


def edit(rows: Rows, rng: random.Random) -> Changed:
    row, name = rng.choice(rows), rng.choice(EDITABLE)
    row[name] = other(row, name)
    return rows, row["sequence"]


def edit_and_rehash(rows: Rows, rng: random.Random) -> Changed:
    """The next event does not follow it; behind the last there is an anchor."""
    place, name = rng.randrange(len(rows)), rng.choice(EDITABLE[:8])
    rows[place][name] = other(rows[place], name)
    rehash(rows[place])
    return rows, min(rows[place]["sequence"] + 1, len(rows))


def delete(rows: Rows, rng: random.Random) -> Changed:
    start = rng.randrange(len(rows))
    sequence = rows[start]["sequence"]
    del rows[start : start + rng.randint(1, 5)]
    return rows, sequence


def delete_and_renumber(rows: Rows, rng: random.Random) -> Changed:
    place = rng.randrange(len(rows) - 1)
    del rows[place]
    for row in rows[place:]:
        row["sequence"] -= 1
    return rows, place + 1


def swap(rows: Rows, rng: random.Random) -> Changed:
    first, second = sorted(rng.sample(range(len(rows)), 2))
    rows[first], rows[second] = rows[second], rows[first]
    return rows, first + 1


def swap_and_renumber(rows: Rows, rng: random.Random) -> Changed:
    rows, sequence = swap(rows, rng)
    for place, row in enumerate(rows, start=1):
        row["sequence"] = place
    return rows, sequence


def insert(rows: Rows, rng: random.Random) -> Changed:
    """A forged event that follows the one before it; the one after it does not follow. In place of the last, the
    anchor tells it."""
    place = rng.randrange(1, len(rows))
    forged = {**rows[place], "action": "forged", "previous_hash": rows[place - 1]["hash"]}
    rehash(forged)
    rows.insert(place, forged)
    return rows, min(place + 2, len(rows) - 1)


def insert_and_renumber(rows: Rows, rng: random.Random) -> Changed:
    rows, sequence = insert(rows, rng)
    for place, row in enumerate(rows, start=1):
        row["sequence"] = place
    return rows, sequence


def cut_the_start(rows: Rows, rng: random.Random) -> Changed:
    return rows[rng.randint(1, len(rows) - 1) :], 1


def cut_the_end(rows: Rows, rng: random.Random) -> Changed:
    end = rng.randint(1, len(rows) - 1)
    return rows[:end], end + 1


def double(rows: Rows, rng: random.Random) -> Changed:
    place = rng.randrange(len(rows))
    rows.insert(place, copy.deepcopy(rows[place]))
    return rows, place + 2


KINDS: list[Callable[[Rows, random.Random], Changed]] = [
    edit,
    edit_and_rehash,
    delete,
    delete_and_renumber,
    swap,
    swap_and_renumber,
    insert,
    insert_and_renumber,
    cut_the_start,
    cut_the_end,
    double,
]


def file_of(rows: Rows, manifest: Row, *, careful: bool) -> bytes:
    """`careful` is a tamperer who makes the manifest fit."""
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if careful:
        last = rows[-1] if rows else {"sequence": 0, "hash": "0" * 64}
        manifest = manifest | {
            "rows": len(rows),
            "first": rows[0]["sequence"] if rows else 0,
            "last": last["sequence"],
            "head": {"sequence": last["sequence"], "hash": last["hash"]},
            "body_sha256": hashlib.sha256(body).hexdigest(),
        }
    return body + (json.dumps({"manifest": manifest}, ensure_ascii=False) + "\n").encode()
