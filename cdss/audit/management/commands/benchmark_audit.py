import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from cdss.audit.benchmarking import measured


class Command(BaseCommand):
    help = "Times the verification and the export of a long audit trail, in a site of its own that is thrown away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--events", type=int, default=1_000_000, metavar="N")
        parser.add_argument("--json", action="store_true", help="one line")
        parser.add_argument("--folder", type=Path, help="for its own use: the folder of the site that is thrown away")

    def handle(self, *, events: int, folder: Path | None, **options: Any) -> None:
        if events < 1:
            raise CommandError(f"--events {events}: write a number from 1.", returncode=2)
        if folder is None:
            self._in_a_site_of_its_own(events, options["json"])
            return
        call_command("migrate", "audit", verbosity=0)
        try:
            found = measured(events=events, folder=folder)
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(found, indent=None if options["json"] else 1))

    def _in_a_site_of_its_own(self, events: int, as_json: bool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
            environment |= {"CDSS_HOME": folder}
            command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "benchmark_audit"]
            command += ["--events", str(events), "--folder", folder, *(["--json"] if as_json else [])]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise CommandError(done.stderr.strip(), returncode=done.returncode)
        self.stdout.write(done.stdout.strip())
