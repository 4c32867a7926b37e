"""The training loop: contrastive, early-stopped on cases that teach nothing, and resumable to the same weights.

The loss is the symmetric multiple-negatives ranking loss (Henderson et al. 2017, arXiv:1705.00652); the weights that
are kept lie between the old and the new ones (Wortsman et al. 2022, arXiv:2109.01903), where unseen cases are found
best.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrieval.adaptation.checkpoint import Checkpoint, Standing
from retrieval.adaptation.pairs import Lessons, Pair
from retrieval.adaptation.tower import Tower
from retrieval.errors import AdaptationError
from retrieval.types import Ids, Vectors

# What is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]
_MASKED = -1e4


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is taught. The defaults were measured; see docs/encoders.md.

    Args:
        epochs: at most.
        patience: epochs in which unseen cases are found no better before it stops.
        batch: pairs in one step.
        rate: learning rate of AdamW; it rises over `warmup` of all steps and falls to nothing.
        decay: its weight decay.
        warmup: share of all steps.
        scale: of the cosines in the loss.
        tokens: of a text that are read while teaching.
        frozen: share of the lower layers that stay as they are.
        shares: how far to go from the old weights to the new ones; the best one on unseen cases is taken.
        seed: the same seed, data and machine give the same weights.
        every: steps between checkpoints.
    """

    epochs: int = 1
    patience: int = 1
    batch: int = 32
    rate: float = 5e-5
    decay: float = 0.01
    warmup: float = 0.1
    scale: float = 20.0
    tokens: int = 96
    frozen: float = 1 / 3
    shares: tuple[float, ...] = (1.0, 0.7, 0.4)
    seed: int = 7
    every: int = 20


@dataclass(frozen=True, slots=True)
class Unseen:
    """Cases that teach nothing, to find out when to stop.

    Args:
        questions: one text of each case.
        gallery: what is searched.
        wanted: by question, the rows of the gallery that should be found.
    """

    questions: Sequence[str]
    gallery: Sequence[str]
    wanted: Sequence[Ids]

    def score(self, encode: Callable[[Sequence[str]], Vectors]) -> float:
        """Mean reciprocal rank of the first text that is wanted, 1 at best."""
        cosines = encode(self.questions) @ encode(self.gallery).T
        return float(np.mean([1.0 / rank_of_best(row, rows) for row, rows in zip(cosines, self.wanted, strict=True)]))


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it.

    Args:
        before: how well unseen cases were found before (`Unseen.score`).
        history: the same after each epoch.
        share: of the way from the old to the new weights that is kept.
        kept: the score there; `before` when no share is better, and the weights are the old ones.
        steps: that were done, those before a kill included.
        seconds: of this process.
    """

    before: float
    history: tuple[float, ...]
    share: float
    kept: float
    steps: int
    seconds: float


def rank_of_best(scores: Vectors, wanted: Ids) -> int:
    """Rank, from 1, of the best of the wanted columns; equal scores, and what is no number, count against it."""
    best = scores[wanted].max()
    others = np.ones(len(scores), dtype=bool)
    others[wanted] = False
    return 1 + int((~(scores[others] < best)).sum())


def begun_with(base: str, lessons: Lessons, unseen: Unseen, settings: Settings) -> str:
    """SHA-256 over everything a training depends on."""
    rows = [base, lessons.digest, list(unseen.questions), list(unseen.gallery), asdict(settings)]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def train(
    tower: Tower,
    lessons: Lessons,
    unseen: Unseen,
    settings: Settings,
    checkpoint: Checkpoint,
    progress: Progress = lambda step, done, total: None,
) -> Trained:
    """Teach the tower; afterwards it has the weights that are kept.

    Raises:
        AdaptationError: there are fewer pairs than one batch, or a checkpoint cannot be written.
    """
    import torch

    started = time.perf_counter()
    count = len(lessons.pairs(0, settings.seed))
    per_epoch = count // settings.batch
    if not per_epoch:
        raise AdaptationError(
            f"There are {count} pairs of texts that belong together; {settings.batch} are needed to teach. Import and "
            "publish more cases with a discussion, or with texts about their topics."
        )
    old = {name: weight.detach().clone() for name, weight in tower.weights.items()}
    before = unseen.score(tower.encode)
    optimiser = torch.optim.AdamW(list(tower.weights.values()), lr=settings.rate, weight_decay=settings.decay)
    standing = checkpoint.found() or Standing()
    _resume(tower, optimiser, standing)
    total = per_epoch * settings.epochs
    progress("lessons", standing.step, total)
    batches: list[list[Pair]] = []
    while standing.step < total and not _is_over(standing.history, settings.patience):
        epoch, place = divmod(standing.step, per_epoch)
        if place == 0 or not batches:
            batches = _batches(lessons.pairs(epoch, settings.seed), settings, epoch)
        _step(tower, optimiser, batches[place], settings, standing.step, total)
        standing.step += 1
        if place == per_epoch - 1:
            standing.history.append(unseen.score(tower.encode))
            if standing.history[-1] == max(standing.history):
                standing.best = _arrays(tower.weights)
        if place == per_epoch - 1 or standing.step % settings.every == 0:
            checkpoint.keep(_noted(tower, optimiser, standing))
        progress("lessons", standing.step, total)
    share, kept = _settle(tower, old, standing.best, unseen, settings, before, max(standing.history))
    seconds = round(time.perf_counter() - started, 1)
    return Trained(before, tuple(standing.history), share, kept, standing.step, seconds)


def _is_over(history: Sequence[float], patience: int) -> bool:
    return bool(history) and len(history) - 1 - int(np.argmax(history)) >= patience


def _batches(pairs: Sequence[Pair], settings: Settings, epoch: int) -> list[list[Pair]]:
    order = np.random.default_rng((settings.seed, epoch, 1)).permutation(len(pairs)).tolist()
    return [
        [pairs[row] for row in order[start : start + settings.batch]]
        for start in range(0, len(pairs) - settings.batch + 1, settings.batch)
    ]


def _step(tower: Tower, optimiser: Any, batch: Sequence[Pair], settings: Settings, step: int, total: int) -> None:
    import torch
    from torch.nn.functional import cross_entropy

    warm = max(1, round(settings.warmup * total))
    rate = settings.rate * min((step + 1) / warm, max(total - step, 1) / max(total - warm, 1))
    for group in optimiser.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=tower.half):
        vectors = tower.vectors([pair.question for pair in batch] + [pair.answer for pair in batch]).float()
    scores = settings.scale * vectors[: len(batch)] @ vectors[len(batch) :].T
    topics = torch.tensor([pair.topic for pair in batch])
    alike = (topics[:, None] == topics[None, :]) & ~torch.eye(len(batch), dtype=torch.bool)
    scores = scores.masked_fill(alike, _MASKED)
    right = torch.arange(len(batch))
    loss: Any = (cross_entropy(scores, right) + cross_entropy(scores.T, right)) / 2
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(tower.weights.values()), 1.0)
    optimiser.step()


def _arrays(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}


def _noted(tower: Tower, optimiser: Any, standing: Standing) -> Standing:
    standing.weights = _arrays(tower.weights)
    states = {name: optimiser.state[weight] for name, weight in tower.weights.items()}
    # A weight no text has reached yet has no state.
    states = {name: state for name, state in states.items() if state}
    standing.first = _arrays({name: state["exp_avg"] for name, state in states.items()})
    standing.second = _arrays({name: state["exp_avg_sq"] for name, state in states.items()})
    return standing


def _resume(tower: Tower, optimiser: Any, standing: Standing) -> None:
    import torch

    if not standing.step:
        return
    if standing.weights.keys() != tower.weights.keys():
        raise AdaptationError("The training that was begun is of another model: start with --restart.")
    with torch.no_grad():
        for name, weight in tower.weights.items():
            weight.copy_(torch.from_numpy(standing.weights[name]))
            if name in standing.first:
                optimiser.state[weight] = {
                    "step": torch.tensor(float(standing.step)),
                    "exp_avg": torch.from_numpy(standing.first[name].copy()),
                    "exp_avg_sq": torch.from_numpy(standing.second[name].copy()),
                }


def _settle(
    tower: Tower,
    old: dict[str, Any],
    best: dict[str, Any],
    unseen: Unseen,
    settings: Settings,
    before: float,
    whole: float,
) -> tuple[float, float]:
    """Gives the tower the weights that are kept; the share of the way to them, and their score."""
    scores = {0.0: before}
    for share in settings.shares:
        if share != 1.0:
            _mix(tower, old, best, share)
        scores[share] = whole if share == 1.0 else unseen.score(tower.encode)
    chosen = max(scores, key=lambda share: (scores[share], share))
    _mix(tower, old, best, chosen)
    return chosen, scores[chosen]


def _mix(tower: Tower, old: dict[str, Any], new: dict[str, Any], share: float) -> None:
    import torch

    with torch.no_grad():
        for name, weight in tower.weights.items():
            weight.copy_(old[name] + share * (torch.from_numpy(new[name]) - old[name]))
