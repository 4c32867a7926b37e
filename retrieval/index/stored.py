"""An index by lists as arrays and settings, and back, with nothing believed that does not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import IndexUnusableError
from retrieval.index.inverted import InvertedIndex, Rows
from retrieval.index.loading import deserialized, load_faiss
from retrieval.index.tuning import Sample, Tuning

Arrays = Mapping[str, NDArray[Any]]


def parts_of(
    index: InvertedIndex, sample: Sample, tuning: Tuning
) -> tuple[dict[str, NDArray[Any]], dict[str, Any], NDArray[np.uint8]]:
    """What `from_parts` takes."""
    lists, centroids, rows = index.parts()
    arrays: dict[str, NDArray[Any]] = {
        "centroids": centroids,
        "ids": rows.ids,
        "places": rows.lists,
        "codes": rows.codes,
        "scales": rows.scales,
        "factors": rows.factors,
        "sample_ids": sample.ids,
        "sample_questions": sample.questions,
        "sample_answers": sample.answers,
        "sample_scores": sample.scores,
    }
    return arrays, {"tuning": tuning.as_dict()}, load_faiss().serialize_index(lists)


def from_parts(
    arrays: Arrays, settings: Mapping[str, Any], lists_stored: bytes
) -> tuple[InvertedIndex, Sample, Tuning]:
    """Raises IndexUnusableError when parts are missing or do not fit together."""
    try:
        lists = _lists(deserialized(lists_stored))
        centroids, rows = (
            arrays["centroids"],
            Rows(*(arrays[name] for name in ("ids", "places", "codes", "scales", "factors"))),
        )
        sample = Sample(*(arrays[f"sample_{name}"] for name in ("ids", "questions", "answers", "scores")))
        tuning = Tuning.from_dict(settings["tuning"])
        count, width = len(rows.ids), centroids.shape[1]
        fits = (
            (lists.ntotal, lists.d, lists.nlist) == (count, width, len(centroids))
            and rows.lists.shape == rows.scales.shape == rows.factors.shape == (count,)
            and rows.codes.shape == (count, width)
            and sample.questions.shape == (len(sample), width)
            and sample.answers.shape == sample.scores.shape
            and len(sample.answers) == len(sample)
            and (not count or int(rows.lists.max()) < len(centroids))
            and bool((np.diff(rows.ids) > 0).all())
            and tuning.effort.probes > 0
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise IndexUnusableError(f"The vectors cannot be read: {error!r}"[:200]) from error
    if not fits:
        raise IndexUnusableError("The vectors cannot be read: their parts do not fit together.")
    return InvertedIndex.of(lists, centroids, rows, tuning.effort), sample, tuning


def _lists(index: Any) -> Any:
    faiss = load_faiss()

    if not isinstance(index, faiss.IndexIVFRaBitQ) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise TypeError(f"the lists are in a {type(index).__name__}")
    return index
