"""What the words of a description say of its image, beside what its vector says.

A text encoder that was taught sentences keeps little of a plane, a sequence or a rare sign: words and pairs of
neighbours, weighed by their rarity, are mapped into the space of the images by ridge regression (Hoerl and Kennard,
Technometrics 1970;12:55-67). Of the words only hashes are kept.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.terms.words import stems_and_pairs
from retrieval.types import Ids, Vectors

# Of the ridge regression, for each text; and of the greatest variance of the images.
_PENALTY, _FLOOR = 0.0015, 0.1
_RANK = 256
# A term of fewer texts says more of those texts than of images.
_FEWEST = 3
# The most frequent ones: a map of as many takes 20 MB.
_MOST_TERMS = 20_000
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class WordMap:
    """A map of low rank from words into the space of image vectors.

    Args:
        terms: (v,) int64, ascending: hashes of the known stems and pairs of stems.
        rarity: (v,) float32: logarithm of how many texts there are for each that holds the term.
        into: (v, r) float32.
        onto: (r, d) float32.
        bias: (d,) float32.
    """

    terms: Ids
    rarity: Vectors
    into: Vectors
    onto: Vectors
    bias: Vectors

    def project(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32; zeros for a text without a known term."""
        found = np.zeros((len(texts), self.onto.shape[1]), dtype=np.float32)
        for row, text in enumerate(texts):
            places, weights = _known(_counted(text), self.terms, self.rarity)
            if len(places):
                found[row] = weights @ self.into[places] @ self.onto + self.bias
        return found

    def scaled(self, by: float) -> WordMap:
        return WordMap(self.terms, self.rarity, self.into, self.onto * np.float32(by), self.bias * np.float32(by))


def word_map(texts: Sequence[str], images: Vectors) -> WordMap | None:
    """Fit on (n,) texts and the (n, d) vector of the image that each describes; None where no term is frequent enough.

    Directions in which images vary much count no more than others.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import Ridge

    counts = [_counted(text) for text in texts]
    frequency = Counter(term for counted in counts for term in counted)
    frequent = [(-number, term) for term, number in frequency.items() if number >= _FEWEST]
    terms = np.array(sorted(term for _, term in sorted(frequent)[:_MOST_TERMS]), dtype=np.int64)
    if not len(terms):
        return None
    rarity = np.array([math.log(1 + len(texts) / frequency[term]) for term in terms.tolist()], dtype=np.float32)
    rows = [_known(counted, terms, rarity) for counted in counts]
    said: Any = csr_matrix(
        (
            np.concatenate([weights for _, weights in rows]).astype(np.float64),
            np.concatenate([places for places, _ in rows]),
            np.cumsum([0, *(len(places) for places, _ in rows)]),
        ),
        shape=(len(texts), len(terms)),
    )
    seen = images.astype(np.float64)
    seen -= seen.mean(axis=0)
    variances, directions = np.linalg.eigh(seen.T @ seen / len(seen))
    chosen = np.argsort(-variances)[:_RANK]
    even = variances[chosen] + _FLOOR * max(float(variances.max()), 1e-12)
    ridge = Ridge(alpha=_PENALTY * len(texts), solver="sparse_cg", tol=_TOLERANCE)
    model = ridge.fit(said, seen @ directions[:, chosen])
    onto = (directions[:, chosen] / even).T.astype(np.float32)
    bias = model.intercept_.astype(np.float32) @ onto
    return WordMap(terms, rarity, np.ascontiguousarray(model.coef_.T, dtype=np.float32), onto, bias)


def _counted(text: str) -> dict[int, int]:
    """How often each stem and pair of stems stands in it, by hash."""
    return Counter(
        int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest()) >> 1 for term in stems_and_pairs(text)
    )


def _known(counted: dict[int, int], terms: Ids, rarity: Vectors) -> tuple[Ids, Vectors]:
    """Places of the known terms, ascending, and their weights, together of length 1."""
    asked = np.array(sorted(counted), dtype=np.int64)
    places = np.searchsorted(terms, asked)
    known = places < len(terms)
    known[known] = terms[places[known]] == asked[known]
    places, asked = places[known], asked[known]
    often = np.array([counted[term] for term in asked.tolist()], dtype=np.float32)
    weights = rarity[places] * (1 + np.log(often)) if len(places) else often
    return places, weights / max(float(np.linalg.norm(weights)), 1e-12)
