"""What is known of a query and an item found for it, as numbers that a ranking can be learned on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retrieval.index.ranking import best
from retrieval.index.snapshot import Snapshot
from retrieval.types import KINDS, Floats, Ids, Mask, Vectors

MEASURES = ("lexical", "dense", "passage", "image", "text_to_image")
NAMES = (
    *MEASURES,
    *(f"{measure}_rank" for measure in MEASURES),
    "lexical_cosine",
    "dense_cosine",
    "similar_cases",
    "similar_documents",
    "listed",
)
# A case less alike than this says nothing of its diagnosis.
ALIKE = 0.35
# How many of the closest cases and documents speak for what they are about.
_SPEAKERS = 40
# How slowly a lower rank loses: the sixth place counts half of the first.
RANKS = 5.0


@dataclass(frozen=True, slots=True)
class Speakers:
    """What the items closest to a query are about, and what they merely list.

    Args:
        about: subject to the closeness of the closest items about it, best first, and their rows.
        listed: subject to the share of the closest cases, weighed by closeness, that list it as a differential.
    """

    about: Mapping[int, list[tuple[float, int]]]
    listed: Mapping[int, float]

    def support(self, subjects: Ids, row: int) -> float:
        """How close the closest other item about the same is."""
        found = (value for subject in subjects.tolist() for value, of in self.about.get(subject, ()) if of != row)
        return max(found, default=0.0)


def table(
    snapshot: Snapshot, rows: Ids, measured: Mapping[str, Vectors], closeness: Vectors, seen: Mask | None
) -> Floats:
    """(n, len(NAMES)) for the items in `rows`.

    Args:
        snapshot: the index version.
        rows: (n,) places of the items in `snapshot.items`.
        measured: by name of a measure, (n,) scores; -inf where an item has none. A missing measure counts for none.
        closeness: (items,) of every item of the index to the query's words.
        seen: which items may take part at all; None means all.
    """
    features = np.zeros((len(rows), len(NAMES)))
    for column, measure in enumerate(MEASURES):
        if measure in measured:
            features[:, column], features[:, len(MEASURES) + column] = _within(measured[measure])
    if "lexical" not in measured:
        # What similar items say is weighed by their words.
        return features
    cases = _speakers(snapshot, closeness, seen, cases=True)
    documents = _speakers(snapshot, closeness, seen, cases=False)
    about = [snapshot.subjects_of(row) for row in rows.tolist()]
    similar = np.array([cases.support(own, row) for own, row in zip(about, rows.tolist(), strict=True)])
    features[:, 2 * len(MEASURES) :] = np.stack(
        [
            measured["lexical"],
            np.maximum(measured.get("dense", np.zeros(len(rows))), 0.0),
            np.maximum(similar - ALIKE, 0.0),
            [documents.support(own, row) for own, row in zip(about, rows.tolist(), strict=True)],
            [np.sqrt(sum(cases.listed.get(subject, 0.0) for subject in own.tolist())) for own in about],
        ],
        axis=1,
    )
    return features


def _within(scores: Vectors) -> tuple[Floats, Floats]:
    """Each score as a share of the best, and its rank as a number that falls from 1."""
    known = np.isfinite(scores) & (scores > 0)
    share, place = np.zeros(len(scores)), np.zeros(len(scores))
    if known.any():
        share[known] = scores[known] / scores[known].max()
        order = np.argsort(-scores[known], kind="stable")
        ranks = np.empty(len(order))
        ranks[order] = np.arange(len(order))
        place[known] = RANKS / (RANKS + ranks)
    return share, place


def _speakers(snapshot: Snapshot, closeness: Vectors, seen: Mask | None, *, cases: bool) -> Speakers:
    eligible = (snapshot.kinds == KINDS.index("case")) == cases
    eligible &= closeness > 0
    if seen is not None:
        eligible &= seen
    rows = np.flatnonzero(eligible)
    values, rows = best(closeness[rows], rows, _SPEAKERS)
    about: dict[int, list[tuple[float, int]]] = {}
    listed: dict[int, float] = {}
    # Of a few cases none that lists a subject is half of what there is to know.
    total = max(float((values**2).sum()), 1.0)
    for row, value in zip(rows.tolist(), values.tolist(), strict=True):
        for subject in snapshot.subjects_of(row).tolist():
            about.setdefault(subject, []).append((value, row))
        for subject in snapshot.listed_by(row).tolist():
            listed[subject] = listed.get(subject, 0.0) + value**2 / total
    return Speakers(about, listed)
