from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.encoding.towers import towers_prepare
from retrieval.errors import RetrievalError


class Command(BaseCommand):
    help = (
        "Finds the fastest way to run the encoders here that gives the vectors of the reference, and keeps it. "
        "What was found is used until weights, libraries or processor change."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="measure anew what is there already")
        parser.add_argument("--json", action="store_true", help="print what was measured as JSON")

    def handle(self, *, again: bool, **options: Any) -> None:
        try:
            states = towers_prepare(again=again)
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps([asdict(state) for state in states]))
            return
        for state in states:
            roles = ", ".join(f"{role} by {way}" for role, way in state.roles.items())
            self.stdout.write(f"{state.encoder}: {roles}. {state.problem}".rstrip())
        if not states:
            self.stdout.write("The encoders are run by torch: CDSS_ENCODER_RUNTIME, or encoders without weights.")
