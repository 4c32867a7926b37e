from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cdss.indexing.benchmarks import report, suite
from cdss.numbers import seed_number, whole_number
from retrieval.errors import RetrievalError


class Command(BaseCommand):
    help = "Times the product beside what is commonly used, in one run: search, filter, load, build, consultations."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sizes", default="10k,100k", help="how many passages: some of 10k,100k,1M or a number")
        parser.add_argument("--rows", default="", help="keys of rows, or how they begin, with commas; all by default")
        parser.add_argument("--list", action="store_true", help="print the keys of all rows and measure nothing")
        parser.add_argument("--queries", type=int, default=100, help="how many questions are timed (100)")
        parser.add_argument("--rounds", type=int, default=3, help="how often a build or a load is repeated (3)")
        parser.add_argument("--seed", type=seed_number, default=7)
        parser.add_argument("--also", type=Path, help="a JSON of another run, as of a larger site, to be shown with it")
        parser.add_argument("--json", nargs="?", const="-", help="the figures as JSON, into a file when one is named")
        parser.add_argument("--markdown", type=Path, help="the figures as a page, into this file")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = _chosen(options["rows"])
        if options["list"]:
            self.stdout.write("\n".join(f"{row.key:<28} {row.title}" for row in chosen))
            return
        sizes = [_size(word) for word in options["sizes"].split(",")]
        if min(options["queries"], options["rounds"]) < 1:
            raise CommandError("Give at least one query and one round.", returncode=2)
        settings = {name: options[name] for name in ("sizes", "queries", "rounds", "seed")}
        others, results = _also(options["also"]) if options["also"] else [], []
        with tempfile.TemporaryDirectory(prefix="cdss-bench-") as folder:
            numbers = {name: options[name] for name in ("queries", "rounds", "seed")}
            try:
                for result in suite.run(chosen=chosen, sizes=sizes, folder=Path(folder), **numbers):
                    results.append(result)
                    if options["json"] != "-":
                        self.stdout.write("\n".join(report.as_text(result)))
            except RetrievalError as error:
                raise CommandError(str(error), returncode=2) from error
        # What was measured now takes the place of the same row of the other run.
        again = {(result.key, result.size) for result in results}
        results = [other for other in others if (other.key, other.size) not in again] + results
        if options["json"]:
            self._write(options["json"], json.dumps(report.as_json(results, settings), indent=1))
        if options["markdown"]:
            day = timezone.now().date().isoformat()
            self._write(
                str(options["markdown"]), report.as_markdown(results, settings, measured_on=day, one_run=not others)
            )

    def _write(self, path: str, text: str) -> None:
        if path == "-":
            self.stdout.write(text)
            return
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from error


def _also(path: Path) -> list[suite.Measured]:
    try:
        return report.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"--also {path}: this is no JSON of a run of benchmark.", returncode=2) from error


def _chosen(keys: str) -> list[suite.Row]:
    rows, wanted = suite.rows(), [word.strip() for word in keys.split(",") if word.strip()]
    chosen = [row for row in rows if not wanted or row.key.startswith(tuple(wanted))]
    if unknown := [word for word in wanted if not any(row.key.startswith(word) for row in rows)]:
        raise CommandError(f"No row begins with {', '.join(unknown)}: see manage.py benchmark --list.", returncode=2)
    return chosen


def _size(word: str) -> int:
    word = word.strip()
    if word in suite.SIZES:
        return suite.SIZES[word]
    if number := whole_number(word, least=1, most=10_000_000):
        return number
    raise CommandError(f"--sizes {word}: write {', '.join(suite.SIZES)} or a number of passages.", returncode=2)
