"""Claims made from real sentences, true ones and changed ones: what the gate lets through and what it refuses."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from cdss.evaluation.figures import PRODUCT, Asked, Result
from cdss.evaluation.workbench import Workbench
from cdss.library.models import Case, Kind, LibraryItem
from cdss.reasoning.perturb.measure import measure
from cdss.reasoning.perturb.sampling import samples_of

# A text is asked about sooner than a case is.
TEXTS_PER_CASE = 4
SHORTEST_NAME, LONGEST_NAME = 6, 39
EVERY_KIND = "all"


@dataclass(slots=True)
class _Claims:
    """Of one kind of claim: of each, whether the gate erred, and the passage it was made from."""

    erred: list[float] = field(default_factory=list)
    passages: list[int] = field(default_factory=list)


def run(bench: Workbench) -> Result:
    documents = _documents(bench)
    kinds: defaultdict[tuple[str, str], _Claims] = defaultdict(_Claims)
    passages: dict[str, int] = {}
    for sample in bench.each(list(samples_of(documents, _names())), "claims"):
        passage = passages.setdefault(sample.passage, len(passages))
        for row in measure([sample]):
            claims, supported = kinds[row.truth, row.kind], row.verdicts["supported"]
            # Of a true claim it is an error to refuse it, of a false one to let it through.
            good = row.truth == "good"
            claims.erred += [float(good)] * (row.count - supported) + [float(not good)] * supported
            claims.passages += [passage] * row.count
    result = Result(notes=[f"Claims made from sentences of {len(passages)} passages."])
    for (truth, kind), claims in sorted(kinds.items(), key=lambda row: (row[0][1] != EVERY_KIND, row[0])):
        asked = Asked(np.array(claims.passages, dtype=np.int64), bench.seed)
        if truth == "good":
            result.figures += asked.mean(_named("true claims refused", kind), PRODUCT, claims.erred, "lower")
        else:
            caught = [1.0 - erred for erred in claims.erred]
            result.figures += asked.mean(_named("false claims caught", kind), PRODUCT, caught)
    return result


def _named(measure_name: str, kind: str) -> str:
    return measure_name if kind == EVERY_KIND else f"{measure_name}: {kind}"


def _documents(bench: Workbench) -> list[tuple[str, str]]:
    published = LibraryItem.objects.published().exclude(kind=Kind.CASE).order_by("source_name", "source_id")
    documents = list(published.values_list("source_id", "text"))
    discussions = Case.objects.published().exclude(discussion="").order_by("source_name", "source_id")
    documents += [
        (f"{source_id} discussion", text) for source_id, text in discussions.values_list("source_id", "discussion")
    ]
    most = len(documents) if bench.limit is None else bench.limit * TEXTS_PER_CASE
    return documents if most >= len(documents) else random.Random(bench.seed).sample(documents, most)


def _names() -> list[str]:
    """Diseases to swap in."""
    cases = Case.objects.published().values_list("diagnosis", "topic_title")
    names = {name.strip(" .").lower() for both in cases for name in both}
    return sorted(name for name in names if SHORTEST_NAME <= len(name) <= LONGEST_NAME and "(" not in name)
