from __future__ import annotations

import json
import logging
import signal
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cdss import lifeline
from cdss.indexing.encoding.encoders import encoders_of, image_encoder, text_encoder
from cdss.indexing.encoding.service import client, encode_here
from cdss.indexing.encoding.towers import towers_missing, towers_prepare_apart
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from retrieval.types import ImageEncoder, TextEncoder

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Runs the encoders for all other processes of this machine, on the Unix socket of CDSS_ENCODER_SERVICE, until "
        "it is told to stop. `manage.py serve` starts it by itself where that is set."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--health", action="store_true", help="ask the running service how it is, as JSON")

    def handle(self, *, health: bool, **options: Any) -> None:
        if not settings.ENCODER_SERVICE:
            raise CommandError("CDSS_ENCODER_SERVICE is empty: write auto, or the path of a socket.", returncode=2)
        try:
            self.say_health() if health else serve()
        except RetrievalError as error:
            raise CommandError(str(error), returncode=1 if health else 2) from error

    def say_health(self) -> None:
        self.stdout.write(json.dumps(dict(client().ask("health").header)))


class SiteEncoders:
    """What this process holds, by the version it is asked for."""

    def text(self, version: str) -> TextEncoder:
        serving = text_encoder()
        return serving if serving.version == version else encoders_of(version)[0]

    def image(self) -> ImageEncoder:
        return image_encoder()


def serve() -> None:
    """Loads and warms the encoders, then listens: whoever can connect is answered at once."""
    from retrieval.service.server import EncoderServer

    lifeline.hold()
    encode_here()
    if towers_missing():
        towers_prepare_apart()
    encoders = SiteEncoders()
    warm(encoders)
    server = EncoderServer(
        Path(settings.ENCODER_SERVICE), encoders, queue=settings.ENCODER_QUEUE, window_ms=settings.ENCODER_WINDOW_MS
    )

    def stop(number: int, frame: FrameType | None) -> None:
        server.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    logger.info("the encoder service listens; it holds %s", encoders.text(text_encoder().version).version)
    server.run()


def warm(encoders: SiteEncoders) -> None:
    import numpy as np

    from retrieval.encoders.queries import encode_queries

    encode_queries(text_encoder(), ["warm-up of the encoders before the first question"])
    encoders.image().encode([np.zeros((64, 64, 3), dtype=np.uint8)])
