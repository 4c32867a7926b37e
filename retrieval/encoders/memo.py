"""A text encoder that remembers the last single texts it encoded.

One consultation asks the same text of several kinds of item, and of the images through the text tower they share.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from retrieval.encoders.queries import encode_queries
from retrieval.types import TextEncoder, Vectors

# Of one text, at most: a longer list is a library, not a question.
WINDOWS = 16


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
        return (
            self._remembered(texts, "stored", self._encoder.encode) if len(texts) == 1 else self._encoder.encode(texts)
        )

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised, of texts that are asked with; the windows of a text are remembered."""

        def ask(asked: Sequence[str]) -> Vectors:
            return encode_queries(self._encoder, asked)

        return self._remembered(texts, "asked", ask) if 0 < len(texts) <= WINDOWS else ask(texts)

    def _remembered(self, texts: Sequence[str], role: str, encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
        whole = hashlib.sha256(role.encode())
        for text in texts:
            whole.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        key = whole.digest()
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if known is None:
            known = encode(texts)
            with self._lock:
                self._known[key] = known
                if len(self._known) > self._size:
                    self._known.popitem(last=False)
        return known.copy()

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The encoder's own."""
        return self._encoder.token_offsets(text)
