from __future__ import annotations

import os
import sys
from abc import abstractmethod
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.models import Role
from cdss.exports import Exported
from retrieval.files import written_beside


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD.") from error


class ExportCommand(BaseCommand):
    """Rows between two days that leave as one file, whole or not at all."""

    formats: Collection[str]
    outcomes: Collection[str]
    # What is exported, in the plural.
    rows: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=sorted(self.formats), required=True)
        parser.add_argument("--since", type=day, metavar="YYYY-MM-DD")
        parser.add_argument("--until", type=day, metavar="YYYY-MM-DD")
        parser.add_argument("--role", default="", choices=Role.values)
        parser.add_argument("--model", default="", metavar="NAME")
        parser.add_argument("--outcome", default="", choices=list(self.outcomes))
        counted = f"print how many {self.rows} there are, and write nothing"
        parser.add_argument("--count", action="store_true", help=counted)
        parser.add_argument("--output", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        self.filters_check(options)
        if options["count"]:
            self.stdout.write(str(self.counted(options)))
            return
        if options["output"] is None:
            raise CommandError("Say with --output where the file goes, or ask for the --count.", returncode=2)
        try:
            with written_beside(options["output"]) as file:
                exported = self.exported(options, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.", returncode=2) from error
        print(f"{exported.rows} {self.rows}, SHA-256 {exported.sha256}", file=sys.stderr)

    def filters_check(self, options: dict[str, Any]) -> None:
        if options["since"] and options["until"] and options["since"] > options["until"]:
            raise CommandError("--since is after --until: no day lies between them.", returncode=2)

    @abstractmethod
    def counted(self, options: dict[str, Any]) -> int: ...

    @abstractmethod
    def exported(self, options: dict[str, Any], file: IO[bytes]) -> Exported: ...
