import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.models import Role, User
from cdss.consultations.models import FINISHED
from cdss.feedback.export import FORMATS, write
from cdss.feedback.models import Feedback
from cdss.feedback.services import export_recorded
from retrieval.files import written_beside

FILTERS = ("since", "until", "user", "role", "model", "outcome")


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD.") from error


class Command(BaseCommand):
    help = "Streams feedback to a file for audit. Days are whole days, the last one included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=sorted(FORMATS), required=True)
        parser.add_argument("--since", type=day, metavar="YYYY-MM-DD")
        parser.add_argument("--until", type=day, metavar="YYYY-MM-DD")
        parser.add_argument("--user", default="", metavar="USERNAME")
        parser.add_argument("--role", default="", choices=Role.values)
        parser.add_argument("--model", default="", metavar="NAME")
        parser.add_argument("--outcome", default="", choices=[status.value for status in FINISHED])
        parser.add_argument("--count", action="store_true", help="print how many rows there are, and write nothing")
        parser.add_argument("--output", type=Path, metavar="F")

    def handle(self, *args: Any, **options: Any) -> None:
        filters = {name: options[name] for name in FILTERS}
        if filters["user"] and not User.objects.filter(username__iexact=filters["user"]).exists():
            raise CommandError(f"No account is called {filters['user']!r}.", returncode=2)
        if filters["since"] and filters["until"] and filters["since"] > filters["until"]:
            raise CommandError("--since is after --until: no day lies between them.", returncode=2)
        found = Feedback.objects.matching(**filters)
        if options["count"]:
            self.stdout.write(str(found.count()))
            return
        if options["output"] is None:
            raise CommandError("Say with --output where the file goes, or ask for the --count.", returncode=2)
        try:
            with written_beside(options["output"]) as file:
                exported = write(found, options["format"], file)
                # On the disk before the trail says that it left.
                file.flush()
                os.fsync(file.fileno())
                export_recorded(by=None, form=options["format"], exported=exported, filters=filters)
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.", returncode=2) from error
        print(f"{exported.rows} rows, SHA-256 {exported.sha256}", file=sys.stderr)
