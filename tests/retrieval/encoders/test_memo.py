from collections.abc import Sequence

import numpy as np

from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.encoders.memo import RememberingTextEncoder
from retrieval.types import TextEncoder, Vectors


class Counting(HashingTextEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        return super().encode(texts)


def test_it_is_the_encoder_it_wraps() -> None:
    encoder, inner = RememberingTextEncoder(HashingTextEncoder()), HashingTextEncoder()
    assert isinstance(encoder, TextEncoder)
    assert (encoder.version, encoder.dimension, encoder.max_tokens) == (
        inner.version,
        inner.dimension,
        inner.max_tokens,
    )
    assert encoder.token_offsets("a mass") == inner.token_offsets("a mass")
    for texts in (["a mass"], ["a mass"], ["a cyst", "a mass"], []):
        np.testing.assert_array_equal(encoder.encode(texts), inner.encode(texts))


def test_a_text_asked_again_is_not_encoded_again() -> None:
    inner = Counting()
    encoder = RememberingTextEncoder(inner, size=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        encoder.encode([text])
    assert inner.encoded == ["a", "b", "c", "b"]


def test_a_changed_answer_is_not_the_next_answer() -> None:
    encoder = RememberingTextEncoder(HashingTextEncoder())
    encoder.encode(["a mass"])[:] = 0
    assert np.linalg.norm(encoder.encode(["a mass"])) > 0.99
