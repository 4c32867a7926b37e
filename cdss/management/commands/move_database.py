import json
import sys
from argparse import ArgumentParser
from typing import Any

import dj_database_url
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cdss.moving import BATCH, Moved, MoveError, database_move, second_connection


class Command(BaseCommand):
    help = (
        "Copies this site's database into an empty, migrated PostgreSQL and compares the two. Stop the site first. A "
        "move that was interrupted is ended by running it again. Afterwards set DATABASE_URL to the new address."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="URL", help="postgresql://USER:PASSWORD@HOST/NAME")
        parser.add_argument("--restart", action="store_true", help="empty what a broken-off move left, and begin anew")
        parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"rows in one transaction ({BATCH})")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *, to: str, restart: bool, batch: int, **options: Any) -> None:
        if batch < 1:
            raise CommandError(f"--batch {batch}: write a number from 1.", returncode=2)
        try:
            parsed = dict(dj_database_url.parse(to))
            if parsed["ENGINE"] != "django.db.backends.postgresql":
                raise ValueError(parsed["ENGINE"])
        except (ValueError, dj_database_url.ParseError) as error:
            raise CommandError("--to: write postgresql://USER:PASSWORD@HOST/NAME.", returncode=2) from error
        # A view of its own that no writer waits for.
        origin: dict[str, Any] = dict(settings.DATABASES["default"])
        if origin["ENGINE"] == "django.db.backends.sqlite3":
            origin["OPTIONS"] = {**origin["OPTIONS"], "transaction_mode": "DEFERRED"}
        try:
            with second_connection("move_source", origin) as source, second_connection("move_target", parsed) as target:
                moved = database_move(source=source, target=target, batch=batch, restart=restart, report=self._progress)
        except MoveError as error:
            raise CommandError(str(error), returncode=2) from error
        self._say(moved, as_json=options["json"])

    def _progress(self, step: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{step}: {done} of {total}", ending="")

    def _say(self, moved: Moved, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(moved.as_json()))
            return
        self.stdout.write(
            f"{moved.rows} rows of {moved.tables} tables moved; counts and hashes of every table are the same. "
            "Set DATABASE_URL to the new address; the folder of the site (CDSS_HOME) stays as it is."
        )
