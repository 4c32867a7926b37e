"""Teaching a metric on the labels of a library, and measuring it on cases it was not taught on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.alignment.metric import Metric, joined, kernel, split_blocks, unit_blocks
from retrieval.types import Ids, Vectors

# How much a label counts; a class is taught with this many images, of this many cases.
WEIGHTS = {"modality and region": 1.0, "diagnosis": 1.0, "plane": 0.2, "location": 0.1}
FEWEST_IMAGES, FEWEST_CASES, FEWEST_MEASURED = 8, 5, 20
# More images than these teach little more, and each is kept and compared with.
MOST_TAUGHT = 4000
FOLDS, PLACES, RIDGE, SHARE = 5, 256, 0.1, 0.5
# A label group that loses more than this is ruined, whatever the others gain.
TOLERATED = 0.02
_SEED = 7
# A feature that never changes says nothing; one that nearly never does must not say everything.
_FLOOR = 1e-3


@dataclass(frozen=True, slots=True)
class Library:
    """The images of a site with what is known of them.

    Args:
        features: (n, features) of the tower.
        plain: (n, dimension) what is served without a metric, L2-normalised.
        groups: (n,) of the patient or case; images of one group are never compared when it is measured.
        sources: (n,) where an image comes from; the figures are told for each.
        labels: by name, of WEIGHTS, (n,) strings; empty where it is not known.
    """

    features: Vectors
    plain: Vectors
    groups: Ids
    sources: Sequence[str]
    labels: Mapping[str, Sequence[str]]

    def only(self, rows: Ids) -> Library:
        """These images alone."""
        return Library(
            self.features[rows],
            self.plain[rows],
            self.groups[rows],
            [self.sources[row] for row in rows],
            {name: [values[row] for row in rows] for name, values in self.labels.items()},
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """The share of images whose closest image, of another case, has the same label; on cases that taught nothing."""

    label: str
    source: str
    images: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a metric was taught on, and what it is worth.

    Args:
        images: that taught it.
        classes: of all labels together.
        figures: by label and source.
        seconds: for everything.
    """

    images: int
    classes: int
    figures: tuple[Figure, ...]
    seconds: float

    @property
    def better(self) -> bool:
        """Whether closest images agree more often than by the plain vectors, and no label group loses by it."""
        gains = [(figure.after - figure.before) * figure.images * WEIGHTS[figure.label] for figure in self.figures]
        return sum(gains) > 0.0 and all(figure.after >= figure.before - TOLERATED for figure in self.figures)


@dataclass(frozen=True, slots=True)
class Taught:
    """A metric, the vectors of the library by metrics that were not taught on their cases, and what it is worth."""

    metric: Metric
    crossed: Vectors
    lesson: Lesson


def teach(
    library: Library, *, widths: tuple[int, ...], kernels: int, features: str, measured: bool = True
) -> Taught | None:
    """A metric of the library's labels; None when there are none to teach, of two classes at least.

    Args:
        library: the images.
        widths: of the blocks of their features.
        kernels: how many of the blocks tell classes apart; see `Metric`.
        features: version of the features.
        measured: whether it is measured, and the vectors crossed; else they are the metric's own.
    """
    started = time.perf_counter()
    rows = _chosen(library)
    targets = _targets(library, rows)
    if not targets.shape[1]:
        return None
    shown = library.features[rows]
    mean, scale = shown.mean(axis=0), shown.std(axis=0)
    for block in split_blocks(scale[None, :], widths):
        block += max(_FLOOR * float(block.max()), 1e-9)
    standard = (shown - mean) / scale
    blocks = split_blocks(standard, widths)
    distances = np.array([_mean_distance(block) for block in blocks[:kernels]], dtype=np.float32)
    near = kernel(blocks[:kernels], blocks[:kernels], distances)
    whole = unit_blocks(blocks)
    centre = whole.mean(axis=0)
    metric = Metric(
        widths=widths,
        kernels=kernels,
        mean=mean,
        scale=scale,
        taught=standard[:, : sum(widths[:kernels])].astype(np.float16),
        distances=distances,
        weights=_ridge(near, targets),
        centre=centre,
        components=_components(whole - centre),
        share=SHARE,
        features=features,
    )
    places = metric.places(blocks)
    crossed = metric.project(library.features)
    nearest = np.full((2, len(rows)), -1, dtype=np.int64)
    for taught, unseen in folds(library.groups[rows]) if measured else ():
        weights = _ridge(near[np.ix_(taught, taught)], targets[taught])
        known, asked = (joined(places[each], near[np.ix_(each, taught)] @ weights, SHARE) for each in (taught, unseen))
        plain = library.plain[rows[unseen]] @ library.plain[rows[taught]].T
        nearest[:, unseen] = taught[plain.argmax(axis=1)], taught[(asked @ known.T).argmax(axis=1)]
        crossed[rows[unseen]] = asked
    figures = tuple(_figures(library, rows, nearest))
    lesson = Lesson(len(rows), targets.shape[1], figures, round(time.perf_counter() - started, 2))
    return Taught(metric, crossed, lesson)


def folds(groups: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Rows to teach and rows to measure, FOLDS times; a group is never on both sides."""
    names = np.random.default_rng(_SEED).permutation(np.unique(groups))
    for part in np.array_split(names, min(FOLDS, len(names))):
        measured = np.isin(groups, part)
        yield np.flatnonzero(~measured), np.flatnonzero(measured)


def known_classes(labels: Sequence[str], groups: Ids) -> list[str]:
    """The labels that enough images of enough cases have; none when it is only one."""
    names, places = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    kept = [
        str(name)
        for number, name in enumerate(names)
        if name
        and (places == number).sum() >= FEWEST_IMAGES
        and len(np.unique(groups[places == number])) >= FEWEST_CASES
    ]
    return kept if len(kept) > 1 else []


def _chosen(library: Library) -> Ids:
    """The images that teach: all, or a fixed drawing of those that have a label."""
    count = len(library.features)
    if count <= MOST_TAUGHT:
        return np.arange(count, dtype=np.int64)
    labelled = np.zeros(count, dtype=bool)
    for name in WEIGHTS:
        labelled |= np.asarray(library.labels.get(name, [""] * count), dtype=str) != ""
    order = np.random.default_rng(_SEED).permutation(count)
    order = np.concatenate([order[labelled[order]], order[~labelled[order]]])
    return np.sort(order[:MOST_TAUGHT]).astype(np.int64)


def _targets(library: Library, rows: Ids) -> Vectors:
    """(rows, classes): the root of a label's weight where an image has the class, 0 elsewhere."""
    columns = [np.zeros((len(rows), 0))]
    for name, weight in WEIGHTS.items():
        labels = np.asarray(library.labels.get(name, [""] * len(library.features)), dtype=str)[rows]
        names = known_classes(labels.tolist(), library.groups[rows])
        columns += [np.sqrt(weight) * (labels == each)[:, None] for each in names]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _ridge(near: Vectors, targets: Vectors) -> Vectors:
    system = near.astype(np.float64)
    system[np.diag_indices_from(system)] += RIDGE
    return np.linalg.solve(system, targets.astype(np.float64)).astype(np.float32)


def _mean_distance(block: Vectors) -> float:
    return 2.0 * (float((block * block).sum(axis=1).mean()) - float((block.mean(axis=0) ** 2).sum()))


def _components(centred: Vectors) -> Vectors:
    """(features, places), the first principal directions: a randomised range of two power steps.

    Source: Halko, Martinsson and Tropp 2011, SIAM Review 53(2).
    """
    wanted = max(1, min(PLACES, len(centred) - 1, centred.shape[1]))
    start = np.random.default_rng(_SEED).standard_normal((centred.shape[1], min(wanted + 16, centred.shape[1])))
    basis = np.linalg.qr(centred @ start.astype(np.float32))[0]
    for _ in range(2):
        basis = np.linalg.qr(centred @ (centred.T @ basis))[0]
    directions = np.linalg.svd(basis.T @ centred, full_matrices=False)[2]
    return np.ascontiguousarray(directions[:wanted].T, dtype=np.float32)


def _figures(library: Library, rows: Ids, nearest: Ids) -> Iterator[Figure]:
    sources = np.asarray(library.sources, dtype=str)[rows]
    for name in WEIGHTS:
        labels = np.asarray(library.labels.get(name, [""] * len(library.features)), dtype=str)[rows]
        known = np.isin(labels, known_classes(labels.tolist(), library.groups[rows]))
        for source in np.unique(sources[known]):
            asked = np.flatnonzero(known & (sources == source) & (nearest[0] >= 0))
            if len(asked) < FEWEST_MEASURED or len(np.unique(labels[asked])) < 2:
                continue
            before, after = (float(np.mean(labels[found[asked]] == labels[asked])) for found in nearest)
            yield Figure(name, str(source), len(asked), round(before, 4), round(after, 4))
