"""Encoders that ask the service. They hold no model, and every answer is checked to be of their version."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from retrieval.errors import EncoderBusyError, EncoderError
from retrieval.service.client import EncoderClient
from retrieval.service.wire import Message, array_in, array_out, texts_out
from retrieval.types import PatchMap, Pixels, Vectors

# Passages of one question: others are answered between two of them.
SLICE = 16
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class RemoteTextEncoder:
    """A text encoder in the service.

    Args:
        client: asks it.
        version: of the encoder that is wanted; another one's vectors are never taken.
    """

    def __init__(self, client: EncoderClient, version: str) -> None:
        self._client, self._version = client, version
        self._about: tuple[int, int] | None = None

    @property
    def version(self) -> str:
        return self._version

    @property
    def dimension(self) -> int:
        return self._described()[0]

    @property
    def max_tokens(self) -> int:
        return self._described()[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised: to be stored. Behind whoever waits for a page.

        Raises:
            EncoderError: a text is over the window, or the service cannot be asked.
        """
        parts = [
            _patiently(partial(self._vectors, "text.stored", texts[start : start + SLICE]), self._client)
            for start in range(0, len(texts), SLICE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), dtype=np.float32)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised: to ask with. Raises as `encode`, at once when the service is busy."""
        parts = [self._vectors("text.queries", texts[start : start + SLICE]) for start in range(0, len(texts), SLICE)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), dtype=np.float32)

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character offsets of each token of the whole text, special tokens left out."""
        found = array_in(*_parts(self._ask("text.offsets", [text])))
        return [(int(start), int(end)) for start, end in found]

    def _vectors(self, op: str, texts: Sequence[str]) -> Vectors:
        found = array_in(*_parts(self._ask(op, texts)))
        wide = self._about[0] if self._about else found.shape[-1]
        if found.shape != (len(texts), wide) or found.dtype != np.float32:
            raise EncoderError("The encoder service answered with something else than vectors.")
        return found

    def _ask(self, op: str, texts: Sequence[str] = ()) -> Message:
        found = self._client.ask(op, {"version": self._version}, texts_out(texts))
        return _of_version(found, self._version)

    def _described(self) -> tuple[int, int]:
        if self._about is None:
            header = self._ask("text.describe").header
            self._about = int(header["dimension"]), int(header["max_tokens"])
        return self._about


class RemoteNetwork:
    """The network of the built-in image encoder in the service: the rest of that encoder needs no model.

    Args:
        client: asks it.
        version: of the encoder without a metric.
    """

    def __init__(self, client: EncoderClient, version: str) -> None:
        self._client, self._version = client, version

    def features(self, batch: Vectors) -> Vectors:
        """(n, features) of (n, 3, 224, 224) float32."""
        about, payload = array_out(np.ascontiguousarray(batch, dtype="<f4"))
        found = self._client.ask("image.features", {"version": self._version, **about}, payload)
        vectors: Vectors = array_in(*_parts(_of_version(found, self._version)))
        return vectors

    def maps(self, image: Pixels, fine: bool) -> PatchMap:
        """The map of the patches of an image."""
        about, payload = array_out(image)
        found = self._client.ask("image.maps", {"version": self._version, "fine": fine, **about}, payload)
        width, height = _of_version(found, self._version).header["size"]
        return PatchMap(array_in(*_parts(found)), int(width), int(height))


class RemoteImageEncoder:
    """An image encoder in the service that is neither the built-in one nor can be taught.

    Its version is the service's when it was first asked; when that changes, its vectors are refused.

    Args:
        client: asks it.
    """

    def __init__(self, client: EncoderClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._about: dict[str, Any] | None = None

    @property
    def version(self) -> str:
        return str(self._described()["version"])

    @property
    def dimension(self) -> int:
        return int(self._described()["dimension"])

    @property
    def preprocessing(self) -> str:
        return str(self._described()["preprocessing"])

    @property
    def aligned(self) -> bool:
        return bool(self._described()["aligned"])

    @property
    def alignment(self) -> str | None:
        found = self._described()["alignment"]
        return None if found is None else str(found)

    @property
    def patches_version(self) -> str:
        """Raises EncoderError where the encoder has no patches."""
        found = str(self._described()["patches"])
        if not found:
            raise EncoderError("The image encoder of this site gives no patches: regions cannot be searched with it.")
        return found

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """(n, dimension) float32, L2-normalised, of RGB uint8 arrays (height, width, 3) of any size."""
        rows = [array_in(*_parts(self._ask("image.encode", image))) for image in images]
        return np.concatenate(rows) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) in the joint space. Raises AlignmentError when the towers are not aligned."""
        found = self._client.ask("image.text", {"version": self.version}, texts_out(texts))
        vectors: Vectors = array_in(*_parts(_of_version(found, self.version)))
        return vectors

    def patches(self, images: Sequence[Pixels], *, fine: bool = False) -> list[PatchMap]:
        """One map for each image."""
        found = [self._ask("image.maps", image, fine=fine) for image in images]
        sizes = [each.header["size"] for each in found]
        return [
            PatchMap(array_in(*_parts(each)), int(width), int(height))
            for each, (width, height) in zip(found, sizes, strict=True)
        ]

    def _ask(self, op: str, image: Pixels, **more: Any) -> Message:
        from retrieval.encoders.image import checked

        about, payload = array_out(checked(image))
        return _of_version(self._client.ask(op, {"version": self.version, **more, **about}, payload), self.version)

    def _described(self) -> dict[str, Any]:
        with self._lock:
            if self._about is None:
                self._about = dict(self._client.ask("image.describe").header)
            return self._about


def _parts(message: Message) -> tuple[Any, bytes]:
    return message.header, message.payload


def _of_version(message: Message, version: str) -> Message:
    if message.header.get("version") != version:
        raise EncoderError(f"The encoder service answered with vectors of another encoder than {version}.")
    return message


def _patiently(ask: Callable[[], Vectors], client: EncoderClient) -> Vectors:
    """Who encodes a library can wait for those who are in front of a page."""
    deadline, pause = time.monotonic() + max(client.patience, client.seconds), _FIRST_PAUSE
    while True:
        try:
            return ask()
        except EncoderBusyError:
            if time.monotonic() + pause > deadline:
                raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
