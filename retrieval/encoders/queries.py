"""Texts that are asked with."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.types import QueryEncoder, TextEncoder, Vectors


def encode_queries(encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """(n, dimension), L2-normalised, of texts that are asked with and never stored: the fast way where there is one."""
    return encoder.encode_queries(texts) if isinstance(encoder, QueryEncoder) else encoder.encode(texts)
