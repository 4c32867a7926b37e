"""Writes everything that is held of a patient into one ZIP."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.privacy.export import patient_export
from cdss.privacy.management.commands._subject import add_subject, subject_of
from retrieval.files import written_beside


class Command(BaseCommand):
    help = "Writes what is held of a patient (consultations, feedback, cases, images) as a ZIP with data.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_subject(parser)
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the ZIP to write")

    def handle(self, *, output: Path, **options: Any) -> None:
        holdings = subject_of(options)
        try:
            with written_beside(output) as file:
                digest = patient_export(holdings=holdings, file=file)
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}", returncode=2) from error
        counts = ", ".join(f"{count} {name}" for name, count in holdings.counts().items())
        self.stdout.write(f"{counts}; SHA-256 of data.json {digest}")
