"""Learned maps and metrics in a folder of the site."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from retrieval.alignment.files import REMEDY, Tensors, checksum_of, read_manifest, read_tensors, save_tensors, stamp_of
from retrieval.alignment.metric import Metric
from retrieval.alignment.model import Alignment, Report
from retrieval.alignment.teach import Lesson
from retrieval.alignment.words import WordMap
from retrieval.errors import AlignmentError

MANIFEST, METRIC_MANIFEST = "alignment.json", "metric.json"
FORMAT, METRIC_FORMAT = 1, 1
_WORDS = ("terms", "rarity", "into", "onto", "bias")
_ARRAYS = ("mean", "scale", "taught", "distances", "weights", "centre", "components")


def save(alignment: Alignment, folder: Path) -> Alignment:
    """Write the weights, then the manifest that names them: a reader finds the old alignment or the new one.

    The alignment of another text encoder stays beside it, so that going back to that one needs no new fit.

    Returns:
        The same alignment with its checksum.

    Raises:
        AlignmentError: the folder cannot be written.
    """
    about = {
        "format": FORMAT,
        "image_encoder": alignment.image_encoder,
        "text_encoder": alignment.text_encoder,
        "report": asdict(alignment.report),
    }
    tensors = {"weights": alignment.weights, "bias": alignment.bias}
    if words := alignment.words:
        tensors |= {f"word_{name}": getattr(words, name) for name in _WORDS}
    if _text_encoder_of(folder) not in (None, alignment.text_encoder):
        folder = _own(folder, alignment.text_encoder)
    return replace(alignment, checksum=save_tensors(folder, "alignment", tensors, about))


def load(folder: Path, *, image_encoder: str, text_encoder: str) -> Alignment | None:
    """The alignment of this folder for these encoders; None when there is none at all.

    Raises:
        AlignmentError: it is damaged, or was fitted on vectors of other encoders.
    """
    folder = _place(folder, text_encoder)
    if not (folder / MANIFEST).exists():
        return None
    manifest = read_manifest(folder, "alignment", version=FORMAT)
    try:
        report = Report(**manifest["report"])
        made_for = (str(manifest["image_encoder"]), str(manifest["text_encoder"]))
    except (KeyError, TypeError) as error:
        raise AlignmentError(f"{folder / MANIFEST} is damaged. {REMEDY}") from error
    if made_for != (image_encoder, text_encoder):
        raise AlignmentError(
            f"The alignment was made for {made_for[0]} and {made_for[1]}; the encoders are {image_encoder} and "
            f"{text_encoder}. {REMEDY}"
        )
    tensors = read_tensors(folder, manifest)
    if not {"weights", "bias"} <= tensors.keys():
        raise AlignmentError(f"{folder / manifest['weights']} cannot be read. {REMEDY}")
    words = [tensors[name] for name in (f"word_{each}" for each in _WORDS) if name in tensors]
    if words and len(words) < len(_WORDS):
        raise AlignmentError(f"{folder / manifest['weights']} cannot be read. {REMEDY}")
    return Alignment(
        tensors["weights"],
        tensors["bias"],
        *made_for,
        report,
        WordMap(*words) if words else None,
        str(manifest["sha256"]),
    )


def stamp(folder: Path, text_encoder: str = "") -> tuple[int, int] | None:
    """Changes when another alignment is saved in the folder for this text encoder; None without one."""
    return stamp_of(_place(folder, text_encoder) / MANIFEST)


def _place(folder: Path, text_encoder: str) -> Path:
    own = _own(folder, text_encoder)
    return own if (own / MANIFEST).exists() and _text_encoder_of(folder) != text_encoder else folder


def _own(folder: Path, text_encoder: str) -> Path:
    return folder / f"text-{hashlib.sha256(text_encoder.encode()).hexdigest()[:16]}"


def _text_encoder_of(folder: Path) -> str | None:
    """What the alignment in the folder itself was made for; None without one that can be read."""
    try:
        return str(read_manifest(folder, "alignment", version=FORMAT)["text_encoder"])
    except (AlignmentError, KeyError):
        return None


def save_metric(metric: Metric, lesson: Lesson, folder: Path) -> Metric:
    """Write a metric and what it is worth; as for `save`. Returns it with its checksum."""
    about = {
        "format": METRIC_FORMAT,
        "features": metric.features,
        "widths": list(metric.widths),
        "kernels": metric.kernels,
        "share": metric.share,
        "lesson": asdict(lesson),
    }
    return replace(metric, checksum=save_tensors(folder, "metric", _tensors(metric), about))


def load_metric(folder: Path, *, features: str) -> Metric | None:
    """The metric of this folder; None when there is none.

    Raises:
        AlignmentError: it is damaged, or was taught on other features.
    """
    if not (folder / METRIC_MANIFEST).exists():
        return None
    manifest = read_manifest(folder, "metric", version=METRIC_FORMAT)
    if manifest.get("features") != features:
        raise AlignmentError(
            f"The metric was taught on {manifest.get('features')}; the features are {features}. {REMEDY}"
        )
    tensors = read_tensors(folder, manifest)
    try:
        return Metric(
            widths=tuple(int(width) for width in manifest["widths"]),
            kernels=int(manifest["kernels"]),
            share=float(manifest["share"]),
            features=features,
            checksum=str(manifest["sha256"]),
            **{name: np.asarray(tensors[name]) for name in _ARRAYS},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AlignmentError(f"{folder / METRIC_MANIFEST} is damaged. {REMEDY}") from error


def checksummed(metric: Metric) -> Metric:
    """The metric with the checksum it will have when it is saved."""
    return replace(metric, checksum=checksum_of(_tensors(metric)))


def metric_stamp(folder: Path) -> tuple[int, int] | None:
    """Changes when another metric is saved in the folder; None without one."""
    return stamp_of(folder / METRIC_MANIFEST)


def _tensors(metric: Metric) -> Tensors:
    return {name: getattr(metric, name) for name in _ARRAYS}
