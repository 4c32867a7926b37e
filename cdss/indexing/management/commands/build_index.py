from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cdss.indexing.encoding.patches import patches_build
from cdss.indexing.encoding.service import is_remote, wait_longer
from cdss.indexing.encoding.towers import towers_prepare
from cdss.indexing.services import index_build
from cdss.indexing.shown import vector_search_of
from retrieval.errors import RetrievalError


class Command(BaseCommand):
    help = "Brings the published index up to date with the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="make it anew from the stored vectors")
        parser.add_argument(
            "--patches", action="store_true", help="make what the search by region needs of the published images too"
        )
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that encode at once (1)")
        parser.add_argument("--json", action="store_true", help="print the version as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workers"] < 1:
            raise CommandError(f"--workers {options['workers']}: write a number from 1.", returncode=2)
        bar = ProgressBar()
        try:
            wait_longer()
            if not is_remote():
                towers_prepare()
            version = index_build(rebuild=options["rebuild"], workers=options["workers"], progress=bar)
            patched = patches_build(progress=bar) if options["patches"] else 0
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            bar.close()
        if options["json"]:
            fields = ("name", "text_encoder", "image_encoder", "passages", "images")
            self.stdout.write(json.dumps({field: getattr(version, field) for field in fields}))
        else:
            self.stdout.write(f"Index {version.name}: {version.passages} passages, {version.images} image vectors.")
            if search := vector_search_of(version):
                self.stdout.write(f"Vector search: {search}.")
            if options["patches"]:
                self.stdout.write(f"Search by region: patches of {patched} images were made.")


class ProgressBar:
    """A bar per step on a terminal, with what is done a second and the time left; nothing elsewhere."""

    def __init__(self) -> None:
        self.step = ""
        self.bar: tqdm[Any] | None = None

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != self.step or self.bar is None or self.bar.total != total:
            self.close()
            self.step = step
            self.bar = tqdm(total=total, desc=step, file=sys.stderr, disable=not (total and sys.stderr.isatty()))
        self.bar.update(done - self.bar.n if not self.bar.disable else 0)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
