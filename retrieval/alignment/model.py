"""Values of the joint space: how it is fitted, what a fit is worth, and the map itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.alignment.words import WordMap
from retrieval.types import Vectors


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
        members: maps that are fitted from other starts and added; every second one on batches of like images, whose
            negatives are hard.
        words: weight of the map of the words that is added to them, in members.
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
    members: int = 4
    words: float = 8.0


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
    """A map from texts and their vectors to the space of image vectors.

    Args:
        weights: (text dimension, image dimension) float32.
        bias: (image dimension,) float32.
        image_encoder: version of the image vectors it was fitted on, preprocessing included.
        text_encoder: version of the text vectors.
        report: what it was fitted on.
        words: what is added for the words of a text; None for an alignment of before there was one.
        checksum: SHA-256 of the stored weights; empty before it is saved.
    """

    weights: Vectors
    bias: Vectors
    image_encoder: str
    text_encoder: str
    report: Report
    words: WordMap | None = None
    checksum: str = ""

    def project(self, texts: Sequence[str], vectors: Vectors) -> Vectors:
        """(n,) texts with their (n, text dimension) vectors to (n, image dimension), float32, L2-normalised."""
        mapped = vectors @ self.weights + self.bias
        if self.words:
            mapped += self.words.project(texts)
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        return np.asarray(mapped / np.maximum(lengths, 1e-12), dtype=np.float32)
