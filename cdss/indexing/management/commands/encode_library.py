from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.management.commands.build_index import ProgressBar
from cdss.indexing.services import library_encode
from retrieval.errors import RetrievalError


class Command(BaseCommand):
    help = (
        "Encodes what has no vector yet and changes no index: as many of these at once, on as many hosts, as there are "
        "processors. Each item is encoded by one of them; what one that was killed had begun, another does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this host (1)")
        parser.add_argument("--json", action="store_true", help="print what this process did as JSON")

    def handle(self, *, workers: int, **options: Any) -> None:
        if workers < 1:
            raise CommandError(f"--workers {workers}: write a number from 1.", returncode=2)
        bar, started = ProgressBar(), time.monotonic()
        try:
            passages, images = library_encode(workers=workers, progress=bar)
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            bar.close()
        seconds = round(time.monotonic() - started, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"passages": passages, "images": images, "seconds": seconds}))
        else:
            self.stdout.write(f"{passages} passages and {images} images encoded by this process in {seconds} s.")
