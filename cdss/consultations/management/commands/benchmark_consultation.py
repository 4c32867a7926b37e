"""How long a composer consultation with two images takes, by step."""

import json
import statistics
import time
from argparse import ArgumentParser
from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.consultations.evidence import Scope
from cdss.consultations.management.commands.consult import Timer
from cdss.consultations.pipeline import consult
from cdss.library.intake import stored_pixels
from cdss.library.models import Case
from cdss.reasoning.types import CaseInput
from retrieval.types import Pixels

IMAGES = 2


class Command(BaseCommand):
    help = "Times whole consultations on the library's own cases, each kept out of its own evidence."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cases", type=int, default=30)
        parser.add_argument("--json", action="store_true")

    def handle(self, *, cases: int, **options: Any) -> None:
        chosen = list(Case.objects.published().filter(images__isnull=False).distinct().order_by("pk")[: cases + 1])
        if len(chosen) < 2:
            raise CommandError("The library has no cases with images. Run make setup first.", returncode=2)
        milliseconds: dict[str, list[float]] = defaultdict(list)
        # The first one loads the models and is not counted.
        for number, case in enumerate(chosen):
            for step, duration in self._times(case).items():
                if number:
                    milliseconds[step].append(duration)
        figures = {step: _figures(values) for step, values in milliseconds.items()}
        if options["json"]:
            self.stdout.write(json.dumps({"consultations": len(chosen) - 1, "milliseconds": figures}))
            return
        whole = figures["whole"]["median"]
        for step, row in figures.items():
            share = row["median"] / whole
            self.stdout.write(
                f"{step:12} median {row['median']:8.1f} ms  p95 {row['p95']:8.1f} ms  {share:5.0%} of the whole"
            )

    def _times(self, case: Case) -> dict[str, float]:
        timer = Timer()
        started = time.perf_counter()
        consult(
            case=CaseInput(case.age, case.sex, case.history, case.exam, case.findings),
            load_pixels=lambda: _pixels(case),
            scope=Scope(excluded_source_id=case.source_id),
            watch=timer,
        )
        return timer.milliseconds | {"whole": (time.perf_counter() - started) * 1000}


def _pixels(case: Case) -> list[Pixels]:
    """Two images: a case with one gives it twice, so that every consultation encodes as many."""
    frames = [frame for image in case.images.all()[:IMAGES] for frame in stored_pixels(image, most=1)]
    return (frames * IMAGES)[:IMAGES]


def _figures(values: list[float]) -> dict[str, float]:
    last = statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]
    return {"median": round(statistics.median(values), 1), "p95": round(last, 1)}
