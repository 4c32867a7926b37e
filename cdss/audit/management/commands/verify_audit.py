import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management.base import BaseCommand

from cdss.audit.verify import verify


class Command(BaseCommand):
    help = "Checks the hash chain of the audit trail. Exit code 1 and the first broken row when it does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: object, **options: object) -> None:
        report = verify()
        if options["json"]:
            self.stdout.write(json.dumps({"holds": report.holds, **asdict(report)}))
        elif report.holds:
            self.stdout.write(f"The audit trail holds: {report.events} events, head {report.head}.")
        else:
            self.stdout.write(f"The audit trail is broken at event {report.sequence}. {report.problem}")
        if not report.holds:
            sys.exit(1)
