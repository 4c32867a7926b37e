"""Puts a backup into an empty place."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from cdss.backup.errors import BackupError
from cdss.backup.services import backup_restore


class Command(BaseCommand):
    help = (
        "Restores a backup into an empty CDSS_HOME and database, and compares every row and file with what was saved."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", metavar="FILE")
        parser.add_argument("--without-keys", action="store_true", help="restore although the keys are not here")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, path: str, without_keys: bool, **options: Any) -> None:
        try:
            done = backup_restore(path=Path(path), without_keys=without_keys)
        except BackupError as error:
            raise CommandError(str(error), returncode=2) from error
        except (OSError, DatabaseError) as error:
            said = getattr(error, "strerror", "") or type(error).__name__
            raise CommandError(f"Nothing was restored: {said}.", returncode=2) from error
        self.prepare_encoders()
        if options["json"]:
            self.stdout.write(json.dumps(done.as_json()))
            return
        self.stdout.write(
            f"Restored and compared: {done.rows} rows of {done.tables} tables, {done.files} files. "
            + ("The index came along." if done.index else "Make the index: manage.py build_index.")
        )

    def prepare_encoders(self) -> None:
        """How they are run best on this machine is in no backup; the first consultation does not wait for it."""
        from cdss.indexing.encoding.towers import towers_missing, towers_prepare_apart

        if towers_missing():
            self.stderr.write("Preparing the encoders …")
            towers_prepare_apart()
