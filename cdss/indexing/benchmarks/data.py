"""What is searched in: the site's own passages multiplied by small noise, or clusters drawn at random; and texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from cdss.indexing.benchmarks.suite import Unmeasurable
from cdss.indexing.encoding.encoders import text_encoder
from cdss.indexing.models import PassageEmbedding

if TYPE_CHECKING:
    from retrieval.types import TextEncoder, Vectors

Kind = Literal["real", "clustered"]
DIMENSION = 384
CLUSTERS = 2000
# Length of the noise beside a vector of length 1: a copy has a cosine of about .9 to what it was made of.
NOISE = 0.5
# Fewer real passages than this say nothing of a library.
REAL_FROM = 500
PASSAGE_WORDS = 120
SUBJECTS = ("Well-marginated mass", "Filling defect", "Ring-enhancing lesion", "Patchy consolidation", "Lucent line")
PLACES = ("left upper lobe", "right pulmonary artery", "temporal lobe", "distal radius", "renal cortex", "spleen")
COURSES = ("two weeks of fever and cough", "sudden dyspnoea", "a fall on the hand", "headache with vomiting")
_AT_ONCE = 100_000


class Drawn(NamedTuple):
    """(n, d) vectors of passages and (q, d) of questions, all of length 1."""

    passages: Vectors
    questions: Vectors


@lru_cache(maxsize=1)
def drawn(kind: Kind, size: int, questions: int, seed: int) -> Drawn:
    """Passages and questions from the same source; no question is one of the passages.

    Raises Unmeasurable when `real` is asked for and the site holds too few vectors.
    """
    random = np.random.default_rng(seed)
    if kind == "real":
        base = _stored()
    else:
        base = random.standard_normal((CLUSTERS, DIMENSION)).astype(np.float32)
        base /= np.linalg.norm(base, axis=1, keepdims=True)
    # Some clusters are large and most are small, as subjects in a library are.
    shares = 1 / np.arange(1, len(base) + 1) ** (0.5 if kind == "clustered" else 0.0)
    of = random.choice(len(base), size + questions, p=shares / shares.sum())
    if kind == "real" and size >= len(base):
        of[: len(base)] = np.arange(len(base))
    vectors = np.empty((size + questions, base.shape[1]), dtype=np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        rows = of[start : start + _AT_ONCE]
        jitter = random.standard_normal((len(rows), base.shape[1]), dtype=np.float32)
        jitter *= NOISE / np.sqrt(base.shape[1])
        jitter += base[rows]
        jitter /= np.linalg.norm(jitter, axis=1, keepdims=True)
        vectors[start : start + _AT_ONCE] = jitter
    return Drawn(vectors[:size], vectors[size:])


def plain(encoder: TextEncoder) -> TextEncoder:
    """Without its memory: otherwise the first to be asked would pay for the others."""
    from retrieval.encoders.memo import RememberingTextEncoder

    return encoder.encoder if isinstance(encoder, RememberingTextEncoder) else encoder


def texts(count: int, seed: int) -> list[str]:
    """Passages whose words are as frequent as in real text (Zipf)."""
    random = np.random.default_rng(seed)
    known = " ".join((*SUBJECTS, *PLACES, *COURSES)).split()
    vocabulary = np.array([*known, *(f"word{number}" for number in range(30_000))])
    weights = 1 / np.arange(1, len(vocabulary) + 1)
    drawn_words = random.choice(vocabulary, (count, PASSAGE_WORDS), p=weights / weights.sum())
    return [" ".join(words) for words in drawn_words]


def question(number: int) -> str:
    """No two of them are alike, so that nothing remembered answers."""
    subject, place = SUBJECTS[number % len(SUBJECTS)], PLACES[number % len(PLACES)]
    course = COURSES[number % len(COURSES)]
    return f"{20 + number} year old with {course}. {subject} of {10 + number} mm in the {place}, no effusion."


def recall(found: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    """Mean share of the expected that was found."""
    shares = [len(set(one) & set(other)) / len(set(other)) for one, other in zip(found, expected, strict=True) if other]
    return float(np.mean(shares)) if shares else 1.0


def _stored() -> Vectors:
    encoder = text_encoder().version
    rows = PassageEmbedding.objects.filter(encoder=encoder).order_by("pk").values_list("vector", flat=True)
    found = [np.frombuffer(data, dtype="<f4") for data in rows.iterator(10_000)]
    if len(found) < REAL_FROM:
        raise Unmeasurable(f"the site has {len(found)} encoded passages, fewer than {REAL_FROM}")
    return np.stack(found).astype(np.float32)
