from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.alignment import encoders_align
from cdss.indexing.management.commands.build_index import ProgressBar
from retrieval.errors import RetrievalError

NOTHING_TO_ALIGN = "The image encoder brings a text tower of its own: there is nothing to align."


class Command(BaseCommand):
    help = "Fits text to images on the library's published, described images, so that text finds images."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print what was fitted as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        bar = ProgressBar()
        try:
            report = encoders_align(progress=bar)
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            bar.close()
        if report is None:
            self.stdout.write(json.dumps({"pairs": 0, "native": True}) if options["json"] else NOTHING_TO_ALIGN)
        elif options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self.stdout.write(
                f"{report.pairs} images of {report.cases} cases aligned with {report.texts} texts in "
                f"{report.seconds:.1f} s. A description finds its case's images among the first ten in "
                f"{report.recall:.2f} of {report.test_images} unseen ones (before {report.before:.2f}, "
                f"chance {report.chance:.2f})."
            )
