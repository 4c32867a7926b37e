"""Saves the whole site to one file, while it works."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cdss.backup.errors import BackupError
from cdss.backup.services import backup_make


class Command(BaseCommand):
    help = (
        "Saves the database, the media, what the site taught its encoders, and the index to one file. No key is in it: "
        "keep data_keys and secret_key of CDSS_HOME apart."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", required=True, metavar="FILE|DIR", help="a file, or a folder to put one into")
        parser.add_argument("--no-index", action="store_true", help="leave the index out: it can be made again")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, output: str, no_index: bool, **options: Any) -> None:
        path = Path(output)
        if path.is_dir():
            path = path / f"cdss-{timezone.now():%Y%m%dT%H%M%SZ}.tar"
        if path.exists():
            raise CommandError(f"{path} is there already. Name another file.", returncode=2)
        try:
            done = backup_make(path=path, with_index=not no_index)
        except (BackupError, OSError) as error:
            said = str(error) if isinstance(error, BackupError) else f"{error.strerror}. No file was left"
            raise CommandError(f"The backup was not made: {said}.".replace("..", "."), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps({"path": str(path), **done.as_json()}))
        else:
            self.stdout.write(
                f"{path}: {done.rows} rows of {done.tables} tables, {done.files} files, {done.size} bytes.\n"
                "The keys are not in it. Keep data_keys and secret_key of CDSS_HOME in another place."
            )
        if done.missing:
            raise CommandError(
                f"{len(done.missing)} files that rows name were not there before the backup either; the first is "
                f"{done.missing[0]}.",
                returncode=1,
            )
