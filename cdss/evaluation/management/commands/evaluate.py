"""Runs a suite of measurements, stores its figures, and tells when they got worse."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cdss.evaluation import configuration
from cdss.evaluation.cases import KnownCase, drawn, file_cases, fingerprint, library_cases
from cdss.evaluation.models import EvaluationRun
from cdss.evaluation.printing import lines_of
from cdss.evaluation.progress import Bar
from cdss.evaluation.report import StoredReportError, compared, report_of, stored_report
from cdss.evaluation.services import evaluation_store
from cdss.evaluation.suites import APART, EVERY, OF_IMAGES, SUITES
from cdss.evaluation.workbench import Workbench
from cdss.indexing.taught.adaptation import cases_that_taught
from cdss.line_files import refuse_same_file
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked, refuse_in
from cdss.numbers import seed_number
from retrieval.errors import RetrievalError
from retrieval.files import written_beside

WRONG_USE, WORSE = 2, 1
SEED = 7
# Lines of a file that are no case.
SHOWN = 20


@contextmanager
def _output(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    try:
        with written_beside(path) as file:
            yield file
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=WRONG_USE) from error


LOCKED = "This site is locked to text: consultations are asked without images, and no suite of images is run."
TAUGHT = (
    "{taught} of the {cases} cases taught the text encoder, so what text finds for them is better than for new cases. "
    "Figures of cases that taught nothing are those of manage.py adapt_encoder."
)


class Command(BaseCommand):
    help = (
        "Measures the product on cases whose answer is known: those of the library, each kept out of its own evidence, "
        "or those of a file. Every figure has an interval and stands beside plain methods measured in the same run. "
        "Exit code 1 when a figure is worse than in the report of --against by more than its interval."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("suite", choices=[*SUITES, EVERY], metavar="SUITE", help=", ".join([*SUITES, EVERY]))
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write the report to this file as well")
        parser.add_argument("--against", type=Path, metavar="FILE", help="a report of --output to compare with")
        parser.add_argument("--cases", type=Path, metavar="FILE", help="ask with these cases and not the library's own")
        parser.add_argument("--limit", type=int, metavar="N", help="ask with N cases, drawn with the seed")
        parser.add_argument(
            "--seed", type=seed_number, default=SEED, metavar="S", help=f"of drawing, intervals ({SEED})"
        )
        parser.add_argument("--label", default="", help="what the data is called in the report")
        parser.add_argument("--with-images", action="store_true", help="consult with the images of the cases too")

    def handle(self, *, suite: str, **options: Any) -> None:
        locked = is_locked(Mode.TEXT_ONLY)
        if suite in OF_IMAGES:
            refuse_in(Mode.TEXT_ONLY)
        _kept_apart(options)
        stored = self._stored(options["against"])
        cases = self._cases(options, needed=suite not in APART)
        bench = Workbench(
            cases,
            options["seed"],
            progress=Bar(),
            with_images=options["with_images"] and not locked,
            limit=options["limit"],
        )
        if locked:
            self.stderr.write(LOCKED)
        # Opened first: a suite takes minutes, and a place that cannot be written is told before it runs.
        with _output(options["output"]) as file:
            try:
                every = [name for name in SUITES if name not in APART and not (locked and name in OF_IMAGES)]
                runs = self._run(every if suite == EVERY else [suite], bench, _label(options))
            except RetrievalError as error:
                raise CommandError(str(error), returncode=WRONG_USE) from error
            report = report_of(runs, suite=suite, limit=options["limit"])
            text = json.dumps(report, ensure_ascii=False, indent=1)
            if file:
                file.write(f"{text}\n".encode())
        for line in [text] if options["json"] else lines_of(report):
            self.stdout.write(line)
        if stored is not None:
            self._compare(report, stored)

    def _run(self, suites: Sequence[str], bench: Workbench, label: str) -> list[EvaluationRun]:
        measured_with = configuration.current()
        taught = cases_that_taught([known.item for known in bench.cases])
        notes = [TAUGHT.format(taught=taught, cases=len(bench.cases))] if taught else []
        runs = []
        for name in suites:
            started = timezone.now()
            result = SUITES[name](bench)
            result.notes += notes
            runs.append(
                evaluation_store(
                    suite=name,
                    result=result,
                    started=started,
                    finished=timezone.now(),
                    data_label=label,
                    cases=len(bench.cases),
                    cases_sha256=fingerprint(bench.cases),
                    seed=bench.seed,
                    configuration=measured_with | {"with_images": bench.with_images},
                )
            )
        return runs

    def _stored(self, path: Path | None) -> dict[str, Any] | None:
        try:
            return stored_report(path) if path else None
        except StoredReportError as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=WRONG_USE) from error

    def _cases(self, options: dict[str, Any], *, needed: bool) -> list[KnownCase]:
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError(f"--limit {options['limit']}: write a number from 1.", returncode=WRONG_USE)
        found = self._of_file(options["cases"]) if options["cases"] else library_cases()
        if needed and not found:
            raise CommandError(
                "There is no case whose diagnosis is known. Import and publish some, or give --cases FILE.",
                returncode=WRONG_USE,
            )
        return drawn(found, options["limit"], options["seed"])

    def _of_file(self, path: Path) -> list[KnownCase]:
        try:
            found, skipped = file_cases(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=WRONG_USE) from error
        for reason in skipped[:SHOWN]:
            self.stderr.write(reason)
        if len(skipped) > SHOWN:
            self.stderr.write(f"… and {len(skipped) - SHOWN} more lines that are no case.")
        return found

    def _compare(self, report: dict[str, Any], stored: dict[str, Any]) -> None:
        try:
            worse = compared(report, stored)
        except StoredReportError as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        if worse:
            raise CommandError("Worse than before:\n" + "\n".join(f"  {each}" for each in worse), returncode=WORSE)
        self.stderr.write("No figure is worse than before.")


def _kept_apart(options: dict[str, Any]) -> None:
    for name in ("against", "cases"):
        if options["output"] and options[name]:
            refuse_same_file(options[name], options["output"], option=f"--{name}")


def _label(options: dict[str, Any]) -> str:
    return options["label"] or (options["cases"].name if options["cases"] else "the library's own cases")
