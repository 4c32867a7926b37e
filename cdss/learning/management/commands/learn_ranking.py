"""Learns the weights of the ranking on the site's own cases, and proposes them when they are better."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from cdss.evaluation.cases import drawn, library_cases
from cdss.evaluation.progress import Bar
from cdss.learning.learning import FEWEST, FOLDS, Learned, TooFewError, learn_ranking
from cdss.learning.printing import learned_lines, learned_report
from cdss.learning.services import weights_propose
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.numbers import seed_number
from cdss.ranking.models import RankingWeights
from retrieval.errors import RetrievalError

NOT_BETTER, WRONG_USE = 1, 2
SEED = 7


class Command(BaseCommand):
    help = (
        "Learns the weights of search, candidates and calibration on the published cases, confirmed consultations and "
        "relevance votes, and compares them with those that answer on cases that taught nothing. Only what is better "
        "is stored, as a proposal; nothing answers with it before a person promotes it. Exit code 1: not better."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print what was learned as JSON")
        parser.add_argument("--limit", type=int, metavar="N", help="learn on N cases of the library, drawn by the seed")
        parser.add_argument("--seed", type=seed_number, default=SEED, metavar="S", help=f"of drawing, folds ({SEED})")
        parser.add_argument("--folds", type=int, default=FOLDS, metavar="F", help=f"from 2 to 20 ({FOLDS})")
        parser.add_argument("--dry-run", action="store_true", help="measure and store nothing")
        parser.add_argument(
            "--accept-equal", action="store_true", help="propose them too when no figure is worse beyond its interval"
        )
        parser.add_argument("--no-images", action="store_true", help="learn without the images of the cases")

    def handle(self, *, json: bool, **options: Any) -> None:
        if not options["dry_run"]:
            refuse_in(Mode.READ_ONLY)
        learned = self._learned(options)
        stored = None
        if _is_accepted(learned, options) and not options["dry_run"]:
            try:
                stored = weights_propose(learned=learned)
            except IntegrityError as error:
                raise CommandError("Another run stored a proposal at this moment; nothing was stored.") from error
        self._print(learned, stored, as_json=json)
        if not _is_accepted(learned, options):
            raise CommandError(_why_not(learned), returncode=NOT_BETTER)

    def _learned(self, options: dict[str, Any]) -> Learned:
        if options["limit"] is not None and options["limit"] < FEWEST:
            raise CommandError(f"--limit {options['limit']}: write a number from {FEWEST}.", returncode=WRONG_USE)
        if not 2 <= options["folds"] <= 20:
            raise CommandError(f"--folds {options['folds']}: write a number from 2 to 20.", returncode=WRONG_USE)
        try:
            return learn_ranking(
                cases=drawn(library_cases(), options["limit"], options["seed"]),
                seed=options["seed"],
                folds=options["folds"],
                with_images=not options["no_images"],
                progress=Bar(),
            )
        except (TooFewError, RetrievalError) as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error

    def _print(self, learned: Learned, stored: RankingWeights | None, *, as_json: bool) -> None:
        report = learned_report(learned, stored)
        for line in [json.dumps(report, ensure_ascii=False, indent=1)] if as_json else learned_lines(report):
            self.stdout.write(line)
        if stored is not None:
            self.stderr.write(f"Proposed as version {stored.version}. Next: manage.py shadow_ranking {stored.version}")


def _is_accepted(learned: Learned, options: dict[str, Any]) -> bool:
    if learned.is_the_same:
        return False
    return learned.outcome == "better" or (learned.outcome == "equal" and options["accept_equal"])


def _why_not(learned: Learned) -> str:
    if learned.is_the_same:
        return "What was learned are the weights that answer already. Nothing was proposed."
    worse = [figure.measure for figure in learned.figures if figure.outcome == "worse"]
    if learned.outcome == "worse":
        return f"Worse than the weights that answer: {', '.join(worse)}. Nothing was proposed."
    return (
        "No better than the weights that answer: every difference that decides is within its interval. Nothing was "
        "proposed; --accept-equal proposes it all the same."
    )
