"""Erases everything that is held of a patient."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.models import User
from cdss.privacy.erasure import REASONS, patient_erase, traces_clear
from cdss.privacy.management.commands._subject import add_subject, subject_of


class Command(BaseCommand):
    help = (
        "Erases what is held of a patient: consultations, feedback on them, cases, images, vectors, copies in the "
        "evidence of others; then makes the index anew and compacts the database. Backups are not reached. Without "
        "--yes it only counts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_subject(parser)
        parser.add_argument("--reason", choices=REASONS, required=True)
        parser.add_argument("--by", default="", metavar="USERNAME", help="in whose name; the audit trail keeps it")
        parser.add_argument("--yes", action="store_true", help="erase; without it, only what would go is counted")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, reason: str, by: str, yes: bool, **options: Any) -> None:
        holdings = subject_of(options)
        if not yes:
            self._say(options["json"], {"would_erase": holdings.counts()})
            return
        user = User.objects.filter(username=by).first()
        if by and user is None:
            raise CommandError(f"There is no account {by}.", returncode=2)
        erased = patient_erase(holdings=holdings, by=user, reason=reason)
        traces_clear()
        self._say(options["json"], {"erased": erased.rows, "copies": erased.copies, "sha256": erased.sha256})

    def _say(self, as_json: bool, told: dict[str, Any]) -> None:
        self.stdout.write(
            json.dumps(told) if as_json else "\n".join(f"{name}: {value}" for name, value in told.items())
        )
