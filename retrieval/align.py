"""Contrastive alignment of two frozen towers on a site's own images and captions.

A text vector is mapped into the space of the raw image vectors, through a low rank, so that its inner product with an
image vector says how well the two belong together. The image vectors stay as they are: an index of them serves image
and text queries alike, and needs no rebuilding when the towers are aligned anew.

The loss is the symmetric InfoNCE of CLIP (Radford et al. 2021, arXiv:2103.00020) with several positives: every image
of a case is a positive of every caption of that case (Khosla et al. 2020, arXiv:2004.11362, equation 2), and images
of which the same is said are positives of each other.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import AlignmentError
from retrieval.types import Ids, Vectors

if TYPE_CHECKING:
    import torch

MINIMUM_PAIRS = 20
SMALLEST_BATCH = 16
MANIFEST = "alignment.json"
FORMAT = 1
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """How the fit is done. The defaults were measured on 1,653 pairs; see docs/encoders.md.

    Args:
        rank: width of the bottleneck between text and image space.
        epochs: at most; the best one on validation cases counts.
        patience: epochs without a better mean log rank on validation cases before it stops.
        batch: images in one step.
        rate: learning rate of AdamW.
        decay: its weight decay.
        dropout: share of input features left out in each step, of image and text alike.
        temperature: of the softmax at the start; it is learned.
        seed: the same seed, data and machine give the same alignment.
    """

    rank: int = 128
    epochs: int = 48
    patience: int = 12
    batch: int = 256
    rate: float = 1e-3
    decay: float = 0.1
    dropout: float = 0.5
    temperature: float = 0.05
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Report:
    """What a fit was made on and what it is worth.

    Args:
        pairs: images with at least one text.
        texts: texts in all.
        cases: groups whose images and texts are each other's positives.
        test_cases: cases the measured fit never saw.
        test_images: their images, the gallery that is searched.
        chance: recall@10 a random order would reach on them.
        before: recall@10 with the maps as they start.
        recall: recall@10 after the fit: the first text of an image finds an image of its case among the first ten.
        epochs: of the fit that is kept.
        seconds: for everything.
    """

    pairs: int
    texts: int
    cases: int
    test_cases: int
    test_images: int
    chance: float
    before: float
    recall: float
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """A map from text vectors to the space of image vectors.

    Args:
        weights: (text dimension, image dimension) float32.
        bias: (image dimension,) float32.
        image_encoder: version of the image vectors it was fitted on, preprocessing included.
        text_encoder: version of the text vectors.
        report: what it was fitted on.
        checksum: SHA-256 of the stored weights; empty before it is saved.
    """

    weights: Vectors
    bias: Vectors
    image_encoder: str
    text_encoder: str
    report: Report
    checksum: str = ""

    def project(self, texts: Vectors) -> Vectors:
        """(n, text dimension) to (n, image dimension), float32, L2-normalised."""
        mapped = texts @ self.weights + self.bias
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        return np.asarray(mapped / np.maximum(lengths, 1e-12), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Images, the texts that describe them, and which belong to one case.

    Args:
        images: (n, image dimension), L2-normalised.
        texts: (m, text dimension), L2-normalised.
        described: (m,) row of the image each text describes; the first text of an image is the one it is judged by.
        cases: (n,) the case of each image.
    """

    images: Vectors
    texts: Vectors
    described: Ids
    cases: Ids


def fit(pairs: Pairs, *, image_encoder: str, text_encoder: str, settings: Settings | None = None) -> Alignment:
    """Fit twice: once without the test cases, to measure it and to find when to stop, then on everything.

    Raises:
        AlignmentError: fewer than MINIMUM_PAIRS images with a text, or fewer than five cases.
    """
    started = time.perf_counter()
    chosen = settings or Settings()
    pairs = _described_only(pairs)
    names = np.unique(pairs.cases)
    if len(pairs.images) < MINIMUM_PAIRS or len(names) < 5:
        raise AlignmentError(
            f"There are {len(pairs.images)} images with a caption, of {len(names)} cases; alignment needs at least "
            f"{MINIMUM_PAIRS}, of 5 cases. Import and publish more cases with described images."
        )
    train, validation, test = _split(pairs.cases, chosen.seed)
    with _one_thread():
        measured = _train(pairs, train, chosen, epochs=chosen.epochs, watch=validation)
        before = _recall(pairs, test, *_untrained(pairs, train, chosen))
        recall = _recall(pairs, test, measured.weights, measured.bias)
        final = _train(pairs, np.ones(len(pairs.images), dtype=bool), chosen, epochs=measured.epochs, watch=None)
    report = Report(
        pairs=len(pairs.images),
        texts=len(pairs.texts),
        cases=len(names),
        test_cases=len(np.unique(pairs.cases[test])),
        test_images=int(test.sum()),
        chance=round(chance(pairs.cases[test]), 4),
        before=round(before, 4),
        recall=round(recall, 4),
        epochs=measured.epochs,
        seconds=round(time.perf_counter() - started, 2),
    )
    return Alignment(final.weights, final.bias, image_encoder, text_encoder, report)


def recall_at(scores: Vectors, cases: Ids, k: int = 10) -> float:
    """Share of rows with an image of their own case among their k best columns.

    Args:
        scores: (n, n), row = text of an image, column = image, in the same order.
        cases: (n,) the case of each.
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.mean((cases[best] == cases[:, None]).any(axis=1)))


def mean_log_rank(scores: Vectors, cases: Ids) -> float:
    """Mean of log2 of the rank of the best image of a row's own case, 0 at best; arguments as for `recall_at`."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return float(np.mean(np.log2(1 + (cases[order] == cases[:, None]).argmax(axis=1))))


def chance(cases: Ids, k: int = 10) -> float:
    """Recall@k of a random order: the hypergeometric chance of meeting one's own case, averaged over the images."""
    _, place, sizes = np.unique(cases, return_inverse=True, return_counts=True)
    total = len(cases)
    k = min(k, total)
    missed = [math.comb(total - int(size), k) / math.comb(total, k) for size in sizes]
    return float(np.mean([1.0 - missed[index] for index in place]))


def save(alignment: Alignment, folder: Path) -> Alignment:
    """Write the weights, then the manifest that names them: a reader finds the old alignment or the new one.

    Returns:
        The same alignment with its checksum.

    Raises:
        AlignmentError: the folder cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    data = to_bytes({"weights": alignment.weights, "bias": alignment.bias})
    checksum = hashlib.sha256(data).hexdigest()
    name = f"alignment-{checksum[:16]}.safetensors"
    manifest = {
        "format": FORMAT,
        "weights": name,
        "sha256": checksum,
        "image_encoder": alignment.image_encoder,
        "text_encoder": alignment.text_encoder,
        "report": asdict(alignment.report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / name, data)
        _write(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
        for old in folder.glob("alignment-*.safetensors"):
            if old.name != name:
                old.unlink(missing_ok=True)
    except OSError as error:
        raise AlignmentError(f"The alignment could not be written to {folder}: {error.strerror}.") from error
    return replace(alignment, checksum=checksum)


def load(folder: Path, *, image_encoder: str, text_encoder: str) -> Alignment | None:
    """The alignment of this folder; None when there is none.

    Raises:
        AlignmentError: it is damaged, or was fitted on vectors of other encoders.
    """
    if not (folder / MANIFEST).exists():
        return None
    manifest = _manifest(folder)
    made_for = (manifest["image_encoder"], manifest["text_encoder"])
    if made_for != (image_encoder, text_encoder):
        raise AlignmentError(
            f"The alignment was made for {made_for[0]} and {made_for[1]}; the encoders are {image_encoder} and "
            f"{text_encoder}. Run manage.py align_encoders."
        )
    weights, bias = _weights(folder, manifest)
    return Alignment(weights, bias, *made_for, Report(**manifest["report"]), str(manifest["sha256"]))


def stamp(folder: Path) -> tuple[int, int] | None:
    """Changes when another alignment is saved in the folder; None without one."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


@dataclass(frozen=True, slots=True)
class _Fitted:
    weights: Vectors
    bias: Vectors
    epochs: int


@contextmanager
def _one_thread() -> Iterator[None]:
    """The matrices are small: more threads cost more than they bring, and would change the last digits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _described_only(pairs: Pairs) -> Pairs:
    kept = np.unique(pairs.described)
    place = np.full(len(pairs.images), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    return Pairs(pairs.images[kept], pairs.texts, place[pairs.described], pairs.cases[kept])


def _split(cases: Ids, seed: int) -> tuple[Any, Any, Any]:
    """Masks over images: for training, for stopping, for measuring. A case is in one of them only."""
    names = np.unique(cases)
    order = np.random.default_rng(seed).permutation(names)
    tests = max(1, round(TEST_SHARE * len(names)))
    validations = max(1, round(VALIDATION_SHARE * len(names)))
    test = np.isin(cases, order[:tests])
    validation = np.isin(cases, order[tests : tests + validations])
    return ~(test | validation), validation, test


class _Maps:
    """The two learned maps, centring folded out: image (rank, d_i), text (rank, d_t)."""

    def __init__(self, pairs: Pairs, train: Any, settings: Settings) -> None:
        import torch

        self.random = torch.Generator().manual_seed(settings.seed)
        self.image_mean = pairs.images[train].mean(axis=0)
        self.scale = float(np.linalg.norm(pairs.images[train] - self.image_mean, axis=1).mean()) or 1.0
        self.text_mean = pairs.texts[np.isin(pairs.described, np.flatnonzero(train))].mean(axis=0)
        self.image = self._start(settings.rank, pairs.images.shape[1])
        self.text = self._start(settings.rank, pairs.texts.shape[1])
        self.log_scale = torch.tensor(math.log(1.0 / settings.temperature), requires_grad=True)

    def _start(self, rank: int, width: int) -> torch.Tensor:
        import torch

        bound = 1.0 / math.sqrt(width)
        start = (torch.rand(rank, width, generator=self.random) * 2.0 - 1.0) * bound
        return start.requires_grad_(True)

    def folded(self) -> tuple[Vectors, Vectors]:
        """Weights and bias of the one map from a raw text vector into image space."""
        image, text = self.image.detach().numpy(), self.text.detach().numpy()
        weights = (text.T @ image).astype(np.float32)
        return weights, (-self.text_mean @ weights).astype(np.float32)


def _untrained(pairs: Pairs, train: Any, settings: Settings) -> tuple[Vectors, Vectors]:
    return _Maps(pairs, train, settings).folded()


def _train(pairs: Pairs, train: Any, settings: Settings, *, epochs: int, watch: Any) -> _Fitted:
    import torch

    maps = _Maps(pairs, train, settings)
    images = torch.from_numpy((pairs.images - maps.image_mean) / maps.scale).float()
    texts = torch.from_numpy(pairs.texts - maps.text_mean).float()
    optimiser = torch.optim.AdamW(
        [
            {"params": [maps.image, maps.text], "weight_decay": settings.decay},
            {"params": [maps.log_scale], "weight_decay": 0.0},
        ],
        lr=settings.rate,
    )
    order = np.random.default_rng(settings.seed)
    choices = _texts_of(pairs)
    said = np.unique(pairs.texts, axis=0, return_inverse=True)[1].reshape(-1)
    rows = np.flatnonzero(train)
    best = _Fitted(*maps.folded(), 0)
    best_rank = math.inf
    for epoch in range(1, epochs + 1):
        for batch in _batches(order.permutation(rows), settings.batch):
            picked = [choices[row][order.integers(len(choices[row]))] for row in batch]
            positive = _same(pairs.cases[batch]) | _same(said[picked])
            loss = _loss(maps, images[batch], texts[picked], positive, settings)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if watch is None:
            best = _Fitted(*maps.folded(), epoch)
            continue
        # Recall moves in steps of one image where there are few, and is 1 soon; the rank tells finer.
        rank = mean_log_rank(*_scores(pairs, watch, *maps.folded()))
        if rank < best_rank:
            best, best_rank = _Fitted(*maps.folded(), epoch), rank
        elif epoch - best.epochs >= settings.patience:
            break
    return best


def _same(names: Ids) -> NDArray[np.bool_]:
    alike: NDArray[np.bool_] = names[:, None] == names[None, :]
    return alike


def _loss(
    maps: _Maps, images: torch.Tensor, texts: torch.Tensor, positive: NDArray[np.bool_], settings: Settings
) -> torch.Tensor:
    import torch
    from torch.nn import functional

    seen = functional.linear(_dropped(images, maps.random, settings.dropout), maps.image)
    said = functional.linear(_dropped(texts, maps.random, settings.dropout), maps.text)
    logits = maps.log_scale.exp().clamp(max=100.0) * seen @ functional.normalize(said, dim=1).T
    counted = torch.from_numpy(positive).float()
    target = counted / counted.sum(dim=1, keepdim=True)
    to_text = -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()
    to_image = -(target * functional.log_softmax(logits.T, dim=1)).sum(dim=1).mean()
    return (to_text + to_image) / 2.0


def _dropped(values: torch.Tensor, random: torch.Generator, share: float) -> torch.Tensor:
    import torch

    kept = torch.rand(values.shape, generator=random) >= share
    return values * kept / (1.0 - share)


def _texts_of(pairs: Pairs) -> list[Ids]:
    order = np.argsort(pairs.described, kind="stable")
    starts = np.searchsorted(pairs.described[order], np.arange(len(pairs.images) + 1))
    return [order[starts[row] : starts[row + 1]] for row in range(len(pairs.images))]


def _batches(rows: Ids, size: int) -> Sequence[Ids]:
    """Even batches of about `size`: a last one of a few images would have too few negatives.

    A small library gets smaller ones, so that an epoch is several steps there too.
    """
    return np.array_split(rows, max(1, round(len(rows) / min(size, max(SMALLEST_BATCH, len(rows) // 6)))))


def _recall(pairs: Pairs, images: Any, weights: Vectors, bias: Vectors) -> float:
    return recall_at(*_scores(pairs, images, weights, bias))


def _scores(pairs: Pairs, images: Any, weights: Vectors, bias: Vectors) -> tuple[Vectors, Ids]:
    """How well the first text of each of these images goes with each of them, and their cases."""
    rows = np.flatnonzero(images)
    first = np.array([texts[0] for texts in _texts_of(pairs)])
    return (pairs.texts[first[rows]] @ weights + bias) @ pairs.images[rows].T, pairs.cases[rows]


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        Report(**manifest["report"])
        usable = manifest["format"] == FORMAT and Path(manifest["weights"]).name == manifest["weights"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AlignmentError(f"{folder / MANIFEST} is damaged. Run manage.py align_encoders.") from error
    if not usable:
        raise AlignmentError(f"{folder / MANIFEST} is of another format. Run manage.py align_encoders.")
    return manifest


def _weights(folder: Path, manifest: dict[str, Any]) -> tuple[Vectors, Vectors]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    path = folder / manifest["weights"]
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise AlignmentError(f"{path} is not what was saved. Run manage.py align_encoders.")
        tensors = from_bytes(data)
        return tensors["weights"], tensors["bias"]
    except (OSError, KeyError, SafetensorError) as error:
        raise AlignmentError(f"{path} cannot be read. Run manage.py align_encoders.") from error


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
