from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.queries import QueryError, QuerySpec, answer, spec_from_line
from cdss.library.models import Kind
from cdss.line_files import is_utf8, lines_open, refuse_same_file
from retrieval.errors import RetrievalError
from retrieval.files import written_beside


class Command(BaseCommand):
    help = "Searches everything published: one query, or a file of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--text", default="", help="what to look for")
        parser.add_argument("--image", type=Path, help="an image file: PNG, JPEG or DICOM")
        parser.add_argument("--kind", choices=Kind.values, help="only items of this kind")
        parser.add_argument("-k", type=int, default=10, help="how many items (10)")
        parser.add_argument("--json", action="store_true", help="print the hits as JSON")
        parser.add_argument("--input", type=Path, help="a JSON lines file of queries")
        parser.add_argument("--output", type=Path, help="where the answers to --input are written")

    def handle(self, *args: Any, **options: Any) -> None:
        many = options["input"] or options["output"]
        one = options["text"] or options["image"]
        if bool(many) == bool(one) or bool(options["input"]) != bool(options["output"]):
            raise CommandError("Give --text or --image, or else --input with --output.", returncode=2)
        try:
            if many:
                self._many(options["input"], options["output"])
            else:
                kind = (options["kind"],) if options["kind"] else ()
                self._one(QuerySpec(options["text"], options["image"], kind, options["k"]), as_json=options["json"])
        except (QueryError, RetrievalError) as error:
            raise CommandError(str(error), returncode=2) from error

    def _one(self, spec: QuerySpec, *, as_json: bool) -> None:
        hits = answer(spec)
        if as_json:
            self.stdout.write(json.dumps(hits, ensure_ascii=False))
            return
        for hit in hits:
            self.stdout.write(
                f"{hit['rank']:>3}  {hit['score']:.4f}  {hit['kind']:<10} {hit['source_id']}  {hit['title']}"
            )

    def _many(self, source: Path, target: Path) -> None:
        refuse_same_file(source, target)
        try:
            with lines_open(source) as lines, written_beside(target) as out:
                for identifier, hits in _answers(lines, source.parent):
                    line = json.dumps({"id": identifier, "hits": hits}, ensure_ascii=False)
                    out.write(f"{line}\n".encode(errors="replace"))
        except OSError as error:
            raise CommandError(f"{error.filename or target}: {error.strerror}", returncode=2) from error


def _answers(lines: TextIO, folder: Path) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not is_utf8(line):
            raise QueryError(f"line {number}: this is not UTF-8 text")
        try:
            identifier, spec = spec_from_line(line, folder)
            yield identifier, answer(spec)
        except (QueryError, RetrievalError) as error:
            raise QueryError(f"line {number}: {error}") from error
