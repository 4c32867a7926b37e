"""From what is said of an image to an image of the same case, on cases the alignment never saw."""

from __future__ import annotations

import numpy as np

from cdss.evaluation.figures import PRODUCT, Asked, Flags, Result
from cdss.evaluation.workbench import Workbench
from cdss.indexing.alignment import library_pairs
from cdss.indexing.encoders import image_encoder, text_encoder
from retrieval.align import Pairs, chance, fit
from retrieval.errors import AlignmentError
from retrieval.types import Ids, Vectors

DEPTH = 10
FOLDS = 5
MEASURE = f"text to an image of the same case, R@{DEPTH}"
CHANCE = "chance"


def described_figures(bench: Workbench, result: Result) -> None:
    """Adds to the result. Cases are dealt into folds; each is searched with an alignment fitted on the others.

    An image counts as found when an image of its case stands among the first ten of its fold."""
    encoder = image_encoder()
    if getattr(encoder, "alignment", None) is None:
        result.notes.append(f"{MEASURE}: not measured, for {encoder.version} cannot be aligned with text.")
        return
    places = {known.item: place for place, known in enumerate(bench.cases) if known.item}
    pairs = library_pairs(encoder, text_encoder(), bench.progress)
    mine = np.isin(pairs.cases, list(places))
    if not mine.any():
        result.notes.append(f"{MEASURE}: no case of this run is in the library with a described image.")
        return
    hits, chances, rows = [], [], []
    try:
        for held in bench.each(_folds(pairs.cases[mine], bench.seed), "alignments"):
            fold = mine & np.isin(pairs.cases, held)
            hits += _found(pairs, fold)
            chances += [chance(pairs.cases[fold], DEPTH)] * int(fold.sum())
            rows += [places[case] for case in pairs.cases[fold].tolist()]
    except AlignmentError as error:
        result.notes.append(f"{MEASURE}: {error}")
        return
    asked = Asked(np.array(rows, dtype=np.int64), bench.seed)
    result.figures += asked.mean(MEASURE, PRODUCT, hits)
    result.figures += asked.mean(MEASURE, CHANCE, chances)
    result.notes.append(f"{MEASURE}: {len(rows)} images in {FOLDS} folds of cases.")


def _folds(cases: Ids, seed: int) -> list[Ids]:
    return np.array_split(np.random.default_rng(seed).permutation(np.unique(cases)), FOLDS)


def _found(pairs: Pairs, fold: Flags) -> list[float]:
    scores = _joint(pairs, fold) @ pairs.images[fold].T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    cases = pairs.cases[fold]
    hits: list[float] = (cases[best] == cases[:, None]).any(axis=1).astype(float).tolist()
    return hits


def _joint(pairs: Pairs, fold: Flags) -> Vectors:
    """What is first said of each image of the fold, in the space of the images."""
    order = np.argsort(pairs.described, kind="stable")
    first = order[np.searchsorted(pairs.described[order], np.flatnonzero(fold))]
    fitted = fit(_only(pairs, ~fold), image_encoder=image_encoder().version, text_encoder=text_encoder().version)
    return fitted.project(pairs.texts[first])


def _only(pairs: Pairs, kept: Flags) -> Pairs:
    place = np.full(len(kept), -1, dtype=np.int64)
    place[kept] = np.arange(int(kept.sum()))
    said = kept[pairs.described]
    return Pairs(pairs.images[kept], pairs.texts[said], place[pairs.described[said]], pairs.cases[kept])
