from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing import benchmarking
from retrieval.errors import RetrievalError


class Command(BaseCommand):
    help = "Times a whole search against its bare parts and, when langchain-community is installed, its retriever."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--passages", type=int, default=20_000, help="how many passages are searched (20000)")
        parser.add_argument("--queries", type=int, default=60, help="how many queries are timed (60)")
        parser.add_argument("--json", action="store_true", help="print the figures as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["passages"] < 1 or options["queries"] < 1:
            raise CommandError("Give at least one passage and one query.", returncode=2)
        try:
            figures = benchmarking.run(passages=options["passages"], queries=options["queries"])
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(figures))
            return
        self.stdout.write(f"{figures['passages']} passages, {figures['queries']} queries, {figures['text_encoder']}")
        for name, measured in figures["milliseconds"].items():
            self.stdout.write(f"{name:<18} p50 {measured['p50']:8.2f} ms   p95 {measured['p95']:8.2f} ms")
        for name, ratio in figures["ratios"].items():
            self.stdout.write(f"{name:<18} p50 {ratio['p50']:8.2f}      p95 {ratio['p95']:8.2f}")
        if "langchain" not in figures["milliseconds"]:
            self.stderr.write("langchain-community is not installed: pip install --group bench adds the comparison.")
