"""Erases what is older than the site keeps it. Made to be run every day."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdss.privacy.erasure import database_compact
from cdss.privacy.retention import due, retention_apply


class Command(BaseCommand):
    help = (
        "Erases consultations, drafts and images that are older than CDSS_RETAIN_CONSULTATIONS_DAYS, "
        "CDSS_RETAIN_DRAFTS_DAYS and CDSS_RETAIN_IMAGES_DAYS allow; 0 keeps for ever."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        found = due()
        counts = found.as_json()
        if any(counts.values()) and not dry_run:
            retention_apply(found)
            database_compact()
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else f"{'Due' if dry_run else 'Erased'}: {said}.")
