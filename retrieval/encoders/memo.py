"""A text encoder that remembers the last single texts it encoded.

One consultation asks the same text of several kinds of item, and of the images through the text tower they share.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from retrieval.types import TextEncoder, Vectors


class RememberingTextEncoder:
    """Another encoder, with the vectors of its last queries. Safe to use from several threads.

    Args:
        encoder: the encoder; version, window and vectors are its own.
        size: how many texts are remembered, by their SHA-256; the texts themselves are not kept.
    """

    def __init__(self, encoder: TextEncoder, size: int = 64) -> None:
        self._encoder = encoder
        self._size = size
        self._known: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def encoder(self) -> TextEncoder:
        """The encoder without the memory."""
        return self._encoder

    @property
    def version(self) -> str:
        return self._encoder.version

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def max_tokens(self) -> int:
        return self._encoder.max_tokens

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised. Only a call with one text is remembered."""
        if len(texts) != 1:
            return self._encoder.encode(texts)
        key = hashlib.sha256(texts[0].encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if known is None:
            known = self._encoder.encode(texts)
            with self._lock:
                self._known[key] = known
                if len(self._known) > self._size:
                    self._known.popitem(last=False)
        return known.copy()

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The encoder's own."""
        return self._encoder.token_offsets(text)
