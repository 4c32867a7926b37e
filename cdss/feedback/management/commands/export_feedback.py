import os
from argparse import ArgumentParser
from typing import IO, Any

from django.core.management.base import CommandError

from cdss.accounts.models import User
from cdss.consultations.models import FINISHED
from cdss.export_command import ExportCommand
from cdss.exports import Exported
from cdss.feedback.export import FORMATS, write
from cdss.feedback.models import Feedback
from cdss.feedback.services import export_recorded

FILTERS = ("since", "until", "user", "role", "model", "outcome")


class Command(ExportCommand):
    help = "Streams feedback to a file for audit. Days are whole days, the last one included."
    formats, outcomes, rows = FORMATS, tuple(status.value for status in FINISHED), "rows"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", default="", metavar="USERNAME")

    def filters_check(self, options: dict[str, Any]) -> None:
        super().filters_check(options)
        if options["user"] and not User.objects.filter(username__iexact=options["user"]).exists():
            raise CommandError(f"No account is called {options['user']!r}.", returncode=2)

    def counted(self, options: dict[str, Any]) -> int:
        return Feedback.objects.matching(**_filters(options)).count()

    def exported(self, options: dict[str, Any], file: IO[bytes]) -> Exported:
        filters = _filters(options)
        exported = write(Feedback.objects.matching(**filters), options["format"], file)
        # On the disk before the trail says that it left.
        file.flush()
        os.fsync(file.fileno())
        export_recorded(by=None, form=options["format"], exported=exported, filters=filters)
        return exported


def _filters(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in FILTERS}
