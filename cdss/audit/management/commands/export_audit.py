import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.models import Role
from cdss.audit.export import FORMATS, Wanted, export_events
from cdss.audit.models import OUTCOMES
from retrieval.files import written_beside

FILTERS = ("since", "until", "actor", "action", "role", "model", "outcome", "obj")


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD.") from error


class Command(BaseCommand):
    help = "Streams the audit trail to a file that verify_export.py checks. Days are whole days, the last one included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=sorted(FORMATS), required=True)
        parser.add_argument("--since", type=day, metavar="YYYY-MM-DD")
        parser.add_argument("--until", type=day, metavar="YYYY-MM-DD")
        parser.add_argument("--user", dest="actor", default="", metavar="USERNAME")
        parser.add_argument("--action", default="", metavar="START", help="how the action begins: consultation.")
        parser.add_argument("--role", default="", choices=Role.values)
        parser.add_argument("--model", default="", metavar="NAME")
        parser.add_argument("--outcome", default="", choices=list(OUTCOMES))
        parser.add_argument("--object", dest="obj", default="", metavar="TYPE[:ID]")
        parser.add_argument(
            "--rows-alone",
            action="store_true",
            help="without the numbers and hashes of events that the filters leave out: then nothing proves that none "
            "is missing",
        )
        parser.add_argument("--count", action="store_true", help="print how many events there are, and write nothing")
        parser.add_argument("--output", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Wanted({name: options[name] for name in FILTERS}, placeholders=not options["rows_alone"])
        if options["since"] and options["until"] and options["since"] > options["until"]:
            raise CommandError("--since is after --until: no day lies between them.", returncode=2)
        if options["count"]:
            self.stdout.write(str(wanted.events().count()))
            return
        if options["output"] is None:
            raise CommandError("Say with --output where the file goes, or ask for the --count.", returncode=2)
        try:
            with written_beside(options["output"]) as file:
                exported = export_events(by=None, wanted=wanted, form=options["format"], file=file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.", returncode=2) from error
        print(f"{exported.rows} events, SHA-256 {exported.sha256}", file=sys.stderr)
