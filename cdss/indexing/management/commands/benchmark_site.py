from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.benchmarks.multiplied import MultiplyError, site_multiply
from cdss.numbers import seed_number

MOST = 10_000_000


class Command(BaseCommand):
    help = "Copies this site into a folder and multiplies its library there, to measure what a larger one would take."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="an empty folder, or one that is made")
        parser.add_argument("--passages", type=int, default=1_000_000, help="at least so many (1,000,000)")
        parser.add_argument("--seed", type=seed_number, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["passages"] <= MOST:
            raise CommandError(f"--passages: from 1 to {MOST:,}.", returncode=2)
        try:
            made = site_multiply(
                folder=options["folder"].resolve(),
                passages=options["passages"],
                seed=options["seed"],
                progress=lambda done, total: self.stderr.write(f"{done} of {total}", ending="\r"),
            )
        except (MultiplyError, OSError) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(
            f"{made:,} passages in {options['folder']}. Next: CDSS_HOME={options['folder']} manage.py build_index, "
            "then manage.py benchmark --rows consultation with the same CDSS_HOME."
        )
