"""Replays past consultations under proposed weights and lists which would change, and how."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.evaluation.progress import Bar
from cdss.learning.printing import shadow_lines, shadow_report
from cdss.learning.shadow import MOST, shadow_run
from cdss.ranking.models import RankingWeights
from cdss.ranking.weights import WeightsError
from retrieval.errors import RetrievalError

WRONG_USE = 2


class Command(BaseCommand):
    help = (
        "Runs past consultations again under weights that were proposed and under those that answer, on the present "
        "index. Nothing of the consultations changes; which of them would, and how, is stored and listed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", type=int, metavar="VERSION")
        parser.add_argument("--limit", type=int, default=MOST, metavar="N", help=f"the newest N of them ({MOST})")
        parser.add_argument("--json", action="store_true", help="print the changes as JSON")

    def handle(self, *, version: int, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError(f"--limit {options['limit']}: write a number from 1.", returncode=WRONG_USE)
        weights = RankingWeights.objects.filter(version=version).first()
        if weights is None:
            raise CommandError(f"There are no ranking weights of version {version}.", returncode=WRONG_USE)
        try:
            run = shadow_run(weights=weights, limit=options["limit"], progress=Bar())
        except (WeightsError, RetrievalError) as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        report = shadow_report(run)
        text = json.dumps(report, ensure_ascii=False, indent=1)
        for line in [text] if options["json"] else shadow_lines(report):
            self.stdout.write(line)
