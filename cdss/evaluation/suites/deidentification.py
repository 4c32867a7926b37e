"""How much of what names a person is taken out of invented notes, and how much besides.

The rules were made with the development notes; the figures are those of the held-out ones, whose sentences, names,
places and institutions are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from cdss.evaluation.figures import PRODUCT, Asked, Result
from cdss.evaluation.notes.generate import SETS, Note, notes
from cdss.evaluation.notes.scoring import Found, identifiers, removals
from cdss.evaluation.workbench import Workbench
from cdss.library.deidentify import Span, deidentify
from cdss.library.models import Case

HELD_OUT = "held out"
NOTES = 600
RECALL, PRECISION = "identifiers taken out", "words taken out that were identifiers"


def run(bench: Workbench) -> Result:
    spans = lru_cache(maxsize=None)(_spans)
    made = {name: notes(part=name, count=NOTES, seed=bench.seed) for name in SETS}
    found = {name: list(identifiers(list(bench.each(rows, f"{name} notes")), spans)) for name, rows in made.items()}
    removed = list(removals(made[HELD_OUT], spans))
    result = Result(notes=[_note(made[HELD_OUT], found[HELD_OUT]), _library_note()])
    result.figures += _mean(
        bench, RECALL, [each.note for each in found[HELD_OUT]], [each.gone for each in found[HELD_OUT]]
    )
    for kind in sorted({each.kind for each in found[HELD_OUT]}):
        of_kind = [each for each in found[HELD_OUT] if each.kind == kind]
        result.figures += _mean(
            bench, f"{RECALL}: {kind}", [each.note for each in of_kind], [each.gone for each in of_kind]
        )
    result.figures += _mean(bench, PRECISION, [each.note for each in removed], [each.right for each in removed])
    result.tables["by set"] = [_row(name, made[name], found[name]) for name in SETS]
    return result


def _spans(text: str) -> tuple[Span, ...]:
    return deidentify(text).spans


def _mean(bench: Workbench, measure: str, of: Sequence[int], values: Sequence[bool]) -> list[Any]:
    asked = Asked(np.array(of, dtype=np.int64), bench.seed)
    return list(asked.mean(measure, PRODUCT, [float(value) for value in values]))


def _row(name: str, made: Sequence[Note], found: Sequence[Found]) -> dict[str, Any]:
    gone = sum(each.gone for each in found)
    return {"set": name, "notes": len(made), "identifiers": len(found), "taken out": gone, "left": len(found) - gone}


def _note(made: Sequence[Note], found: Sequence[Found]) -> str:
    return (
        f"{len(made)} synthetic notes with {len(found)} identifiers; sentences, names and places of the held-out notes "
        "are not among those the rules were made with."
    )


def _library_note() -> str:
    """What a second pass takes out of texts that were de-identified on their way in: little, and mostly wrongly."""
    texts = Case.objects.published().values_list("history", "exam", "findings", "discussion")
    words = removed = 0
    for text in (part for row in texts.iterator() for part in row if part):
        words += len(text.split())
        removed += sum(len(text[start:end].split()) for start, end, _ in deidentify(text).spans)
    per_thousand = 1000 * removed / words if words else 0.0
    return (
        f"In the library's own cases a second pass takes out {removed} of {words} words ({per_thousand:.2f} per 1,000)."
    )
