"""Contrastive alignment of two frozen towers on a site's own images and captions.

A text vector is mapped into the space of the raw image vectors, through a low rank, so that its inner product with an
image vector says how well the two belong together. The image vectors stay as they are: an index of them serves image
and text queries alike, and needs no rebuilding when the towers are aligned anew.

The loss is the symmetric InfoNCE of CLIP (Radford et al. 2021, arXiv:2103.00020) with several positives: every image
of a case is a positive of every caption of that case (Khosla et al. 2020, arXiv:2004.11362, equation 2), and images
of which the same is said are positives of each other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retrieval.alignment.measures import chance, mean_log_rank, recall_at
from retrieval.alignment.model import Alignment, Report, Settings
from retrieval.alignment.pairs import Pairs, batches, described_only, like_batches, same, split, texts_of
from retrieval.alignment.words import WordMap, word_map
from retrieval.errors import AlignmentError
from retrieval.types import Ids, Mask, Vectors

if TYPE_CHECKING:
    import torch

MINIMUM_PAIRS = 20


def fit(pairs: Pairs, *, image_encoder: str, text_encoder: str, settings: Settings | None = None) -> Alignment:
    """Fit twice: once without the test cases, to measure it and to find when to stop, then on everything.

    Raises:
        AlignmentError: fewer than MINIMUM_PAIRS images with a text, or fewer than five cases.
    """
    started = time.perf_counter()
    chosen = settings or Settings()
    pairs = described_only(pairs)
    names = np.unique(pairs.cases)
    if len(pairs.images) < MINIMUM_PAIRS or len(names) < 5:
        raise AlignmentError(
            f"There are {len(pairs.images)} images with a caption, of {len(names)} cases; alignment needs at least "
            f"{MINIMUM_PAIRS}, of 5 cases. Import and publish more cases with described images."
        )
    train, validation, test = split(pairs.cases, chosen.seed)
    with one_thread():
        members = [
            _train(
                pairs, train, _of_member(chosen, number), epochs=chosen.epochs, watch=validation, hard=number % 2 > 0
            )
            for number in range(chosen.members)
        ]
        before = _recall(pairs, test, *_untrained(pairs, train, chosen))
        recall = _recall(pairs, test, *_added(pairs, members, train | validation, chosen))
        everything = np.ones(len(pairs.images), dtype=bool)
        final = [
            _train(pairs, everything, _of_member(chosen, number), epochs=done.epochs, watch=None, hard=number % 2 > 0)
            for number, done in enumerate(members)
        ]
        weights, bias, words = _added(pairs, final, everything, chosen)
    report = Report(
        pairs=len(pairs.images),
        texts=len(pairs.texts),
        cases=len(names),
        test_cases=len(np.unique(pairs.cases[test])),
        test_images=int(test.sum()),
        chance=round(chance(pairs.cases[test]), 4),
        before=round(before, 4),
        recall=round(recall, 4),
        epochs=max(done.epochs for done in members),
        seconds=round(time.perf_counter() - started, 2),
    )
    return Alignment(weights, bias, image_encoder, text_encoder, report, words)


@dataclass(frozen=True, slots=True)
class _Fitted:
    weights: Vectors
    bias: Vectors
    epochs: int


@contextmanager
def one_thread() -> Iterator[None]:
    """The matrices are small: more threads cost more than they bring, and would change the last digits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Maps:
    """The two learned maps, centring folded out: image (rank, d_i), text (rank, d_t)."""

    def __init__(self, pairs: Pairs, train: Mask, settings: Settings) -> None:
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


def _untrained(pairs: Pairs, train: Mask, settings: Settings) -> tuple[Vectors, Vectors]:
    return _Maps(pairs, train, settings).folded()


def _train(pairs: Pairs, train: Mask, settings: Settings, *, epochs: int, watch: Mask | None, hard: bool) -> _Fitted:
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
    choices = texts_of(pairs)
    said = np.unique(pairs.texts, axis=0, return_inverse=True)[1].reshape(-1)
    rows = np.flatnonzero(train)
    best = _Fitted(*maps.folded(), 0)
    best_rank = math.inf
    for epoch in range(1, epochs + 1):
        dealt = order.permutation(rows)
        for batch in (
            like_batches(dealt, pairs.images, settings.batch, order) if hard else batches(dealt, settings.batch)
        ):
            picked = [choices[row][order.integers(len(choices[row]))] for row in batch]
            positive = same(pairs.cases[batch]) | same(said[picked])
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


def _of_member(settings: Settings, number: int) -> Settings:
    return replace(settings, seed=settings.seed + number)


def _added(
    pairs: Pairs, members: list[_Fitted], train: Mask, settings: Settings
) -> tuple[Vectors, Vectors, WordMap | None]:
    """One linear map of several, each with the same mean length; and beside it that of the words."""
    weights = np.zeros_like(members[0].weights)
    bias = np.zeros_like(members[0].bias)
    for fitted in members:
        share = np.float32(1.0 / _mean_length(pairs.texts @ fitted.weights + fitted.bias))
        weights += share * fitted.weights
        bias += share * fitted.bias
    rows = np.flatnonzero(np.isin(pairs.described, np.flatnonzero(train)))
    said = pairs.said_in(rows)
    words = word_map(said, pairs.images[pairs.described[rows]]) if settings.words else None
    if words is None:
        return weights, bias, None
    return weights, bias, words.scaled(settings.words / _mean_length(words.project(said)))


def _mean_length(vectors: Vectors) -> float:
    return max(float(np.linalg.norm(vectors, axis=1).mean()), 1e-9)


def _loss(maps: _Maps, images: torch.Tensor, texts: torch.Tensor, positive: Mask, settings: Settings) -> torch.Tensor:
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


def _recall(pairs: Pairs, images: Mask, weights: Vectors, bias: Vectors, words: WordMap | None = None) -> float:
    return recall_at(*_scores(pairs, images, weights, bias, words))


def _scores(
    pairs: Pairs, images: Mask, weights: Vectors, bias: Vectors, words: WordMap | None = None
) -> tuple[Vectors, Ids]:
    """How well the first text of each of these images goes with each of them, and their cases."""
    rows = np.flatnonzero(images)
    first = np.array([texts[0] for texts in texts_of(pairs)])[rows]
    mapped = pairs.texts[first] @ weights + bias
    if words:
        mapped += words.project(pairs.said_in(first))
    return mapped @ pairs.images[rows].T, pairs.cases[rows]
