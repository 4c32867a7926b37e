import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.audit.anchors import anchor_add, anchor_lines
from retrieval.files import written_beside


class Command(BaseCommand):
    help = (
        "Notes the head of the audit trail, once a day. With --output it writes all anchors to a file: keep it where "
        "nobody who can write to the database can write."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        made = anchor_add()
        said = f"Anchored at event {made.sequence}: {made.hash}" if made else "Nothing to anchor today."
        print(said, file=sys.stderr)
        if path := options["output"]:
            try:
                with written_beside(path) as file:
                    for line in anchor_lines():
                        file.write(line.encode())
            except OSError as error:
                raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from error
