import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.audit.standalone.verify_export import Anchor, NoExportError, read_anchors
from cdss.audit.verify import verify
from cdss.numbers import whole_number


def noted(text: str) -> tuple[int, str]:
    said, _, digest = text.partition(":")
    number = whole_number(said)
    if number is None or len(digest) != 64:
        raise ArgumentTypeError(f"{text!r}: write the number of an event and its hash, NUMBER:HASH.")
    return number, digest


class Command(BaseCommand):
    help = "Checks the hash chain of the audit trail. Exit code 1 and the first broken row when it does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--noted",
            type=noted,
            metavar="NUMBER:HASH",
            help="an event kept outside the database, as an earlier run printed it",
        )

        parser.add_argument(
            "--anchors",
            type=Path,
            metavar="FILE",
            help="anchors that anchor_audit --output wrote and were kept elsewhere",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = verify(options["noted"], _anchors(options["anchors"]))
        if options["json"]:
            self.stdout.write(json.dumps({"holds": report.holds, **asdict(report)}))
        elif report.holds:
            counts = f"{report.events} events, {report.anchors} anchors"
            self.stdout.write(f"The audit trail holds: {counts}, head {report.last}:{report.head}")
        else:
            self.stdout.write(f"The audit trail is broken at event {report.sequence}. {report.problem}")
        if not report.holds:
            sys.exit(1)


def _anchors(path: Path | None) -> list[Anchor]:
    try:
        return read_anchors(path) if path else []
    except NoExportError as error:
        raise CommandError(str(error), returncode=2) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from error
