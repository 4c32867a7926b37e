import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from cdss.audit.verify import verify


def noted(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64:
        raise ArgumentTypeError(f"{text!r}: write the number of an event and its hash, NUMBER:HASH.")
    return int(number), digest


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

    def handle(self, *args: Any, **options: Any) -> None:
        report = verify(options["noted"])
        if options["json"]:
            self.stdout.write(json.dumps({"holds": report.holds, **asdict(report)}))
        elif report.holds:
            self.stdout.write(f"The audit trail holds: {report.events} events, head {report.last}:{report.head}")
        else:
            self.stdout.write(f"The audit trail is broken at event {report.sequence}. {report.problem}")
        if not report.holds:
            sys.exit(1)
