"""The encoders of this site in the encoder service, for processes that hold none themselves."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from retrieval.service.client import EncoderClient
    from retrieval.types import ImageEncoder, TextEncoder


class _Here:
    """Whether this process runs the encoders itself although the setting names a service: the service does."""

    runs = False
    # Seconds to wait for a service that is being started again, and for one that has too much to do: a page cannot wait
    # long, a worker can. Not as long as another takes a consultation for one whose worker died.
    patience, busy_patience = 3.0, 1.0


def encode_here() -> None:
    _Here.runs = True


def wait_longer() -> None:
    """For commands and workers: nobody looks at a page meanwhile."""
    _Here.patience, _Here.busy_patience = 60.0, 20.0
    client.cache_clear()


def is_remote() -> bool:
    return bool(settings.ENCODER_SERVICE) and not _Here.runs


@lru_cache(maxsize=1)
def client() -> EncoderClient:
    from retrieval.service.client import EncoderClient

    return EncoderClient(
        Path(settings.ENCODER_SERVICE),
        seconds=settings.ENCODER_TIMEOUT_SECONDS,
        patience=_Here.patience,
        busy_patience=_Here.busy_patience,
    )


def remote_text_encoder(version: str) -> TextEncoder:
    from retrieval.service.remote import RemoteTextEncoder

    return RemoteTextEncoder(client(), version)


def remote_image_encoder(spec: str, text: TextEncoder) -> ImageEncoder:
    """Of the built-in one only the network is there: what a site taught it is read from its files, as everywhere."""
    from retrieval.service.remote import RemoteImageEncoder, RemoteNetwork

    if spec != "builtin":
        return RemoteImageEncoder(client())
    from retrieval.encoders.builtin import BASE, BuiltinImageEncoder

    network = RemoteNetwork(client(), BASE)
    folder = Path(settings.MODELS_ROOT) / "alignment"
    return BuiltinImageEncoder(text=text, alignment=folder, tower=network.features, maps=network.maps)
