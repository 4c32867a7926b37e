"""Encrypts everything that is stored of patients with a new key."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.encryption import EncryptionError
from cdss.rotation import BATCH, keys_rotate


class Command(BaseCommand):
    help = (
        "Makes a new data key and encrypts all rows and images with it. An interrupted run is ended with "
        "--continue, which "
        "also encrypts what is not encrypted yet. Back the file data_keys up before and after."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--continue", dest="goes_on", action="store_true", help="make no new key")
        parser.add_argument("--forget-old", action="store_true", help="drop old keys that nothing needs any more")
        parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"rows in one transaction ({BATCH})")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *, goes_on: bool, forget_old: bool, batch: int, **options: Any) -> None:
        if batch < 1:
            raise CommandError(f"--batch {batch}: write a number from 1.", returncode=2)
        try:
            done = keys_rotate(new=not goes_on, forget_old=forget_old, batch=batch)
        except EncryptionError as error:
            raise CommandError(str(error), returncode=2) from error
        except OSError as error:
            raise CommandError(
                f"A file could not be written ({error.strerror}). Run it again with --continue."
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(done.as_json()))
            return
        self.stdout.write(f"Under key {done.key}: {done.rows} rows and {done.files} files encrypted anew.")
        if done.exports or done.exports_gone:
            gone = f"; {done.exports_gone} could not be read and went" if done.exports_gone else ""
            self.stdout.write(f"{done.exports} exports that wait to be fetched encrypted anew{gone}.")
        if forget_old:
            self.stdout.write(f"{done.forgotten} old keys dropped. Backups from before need them: keep a copy apart.")
