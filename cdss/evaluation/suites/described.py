"""From what is said of an image to an image of the same case, on cases the alignment never saw."""

from __future__ import annotations

from typing import Any

import numpy as np

from cdss.evaluation.figures import PRODUCT, Asked, Result
from cdss.evaluation.suites.nearest import image_vectors
from cdss.evaluation.workbench import Workbench
from cdss.indexing.encoding.encoders import image_encoder, text_encoder
from cdss.indexing.taught.alignment import described_images, library_pairs
from cdss.library.models import CaseImage
from retrieval.alignment.fit import fit
from retrieval.alignment.measures import chance
from retrieval.alignment.pairs import Pairs
from retrieval.errors import AlignmentError
from retrieval.types import Ids, ImageEncoder, Mask, Vectors

DEPTH = 10
FOLDS = 5
MEASURE = f"text to an image of the same case, R@{DEPTH}"
CHANCE = "chance"
# The towers of the model were trained together, and nothing is fitted.
NATIVE = "native"


def described_figures(bench: Workbench, result: Result) -> None:
    """Adds to the result. Cases are dealt into folds; each is searched with an alignment fitted on the others.

    An image counts as found when an image of its case stands among the first ten of its fold."""
    encoder: Any = image_encoder()
    if getattr(encoder, "alignment", None) is None:
        result.notes.append(f"{MEASURE}: not measured, for {encoder.version} cannot be aligned with text.")
        return
    places = {known.item: place for place, known in enumerate(bench.cases) if known.item}
    native = encoder.alignment == NATIVE
    pairs = _native_pairs(encoder) if native else library_pairs(encoder, text_encoder(), bench.progress)
    mine = np.isin(pairs.cases, list(places))
    if not mine.any():
        result.notes.append(f"{MEASURE}: no case of this run is in the library with a described image.")
        return
    hits, chances, rows = [], [], []
    try:
        for held in bench.each(_folds(pairs.cases[mine], bench.seed), "alignments"):
            fold = mine & np.isin(pairs.cases, held)
            hits += _found(pairs, fold, pairs.texts[_first_said(pairs, fold)] if native else _joint(pairs, fold))
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


def _native_pairs(encoder: ImageEncoder) -> Pairs:
    """Of a model whose towers were trained together: what is first said of each image, in its own joint space."""
    stored = image_vectors(dict(CaseImage.objects.values_list("pk", "case_id")))
    described = [each for each in described_images() if each.image in stored]
    means = [np.mean(stored[each.image], axis=0) for each in described]
    images = np.array(means, dtype=np.float32).reshape(len(described), encoder.dimension)
    said = [each.texts[0] for each in described]
    cases = np.array([each.case for each in described], dtype=np.int64)
    return Pairs(images, encoder.encode_text(said), np.arange(len(described)), cases, said)


def _found(pairs: Pairs, fold: Mask, said: Vectors) -> list[float]:
    """Of each image of the fold, whether an image of its case is among the nearest to what is said of it."""
    scores = said @ pairs.images[fold].T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    cases = pairs.cases[fold]
    hits: list[float] = (cases[best] == cases[:, None]).any(axis=1).astype(float).tolist()
    return hits


def _joint(pairs: Pairs, fold: Mask) -> Vectors:
    fitted = fit(_only(pairs, ~fold), image_encoder=image_encoder().version, text_encoder=text_encoder().version)
    first = _first_said(pairs, fold)
    return fitted.project(pairs.said_in(first), pairs.texts[first])


def _first_said(pairs: Pairs, fold: Mask) -> Ids:
    """Row of the text each image of the fold is judged by."""
    order = np.argsort(pairs.described, kind="stable")
    found: Ids = order[np.searchsorted(pairs.described[order], np.flatnonzero(fold))]
    return found


def _only(pairs: Pairs, kept: Mask) -> Pairs:
    place = np.full(len(kept), -1, dtype=np.int64)
    place[kept] = np.arange(int(kept.sum()))
    rows = np.flatnonzero(kept[pairs.described])
    return Pairs(
        pairs.images[kept], pairs.texts[rows], place[pairs.described[rows]], pairs.cases[kept], pairs.said_in(rows)
    )
