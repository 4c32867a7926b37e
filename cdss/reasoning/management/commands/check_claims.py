"""The gate alone, over a file of claims."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from cdss.line_files import is_utf8, lines_open, refuse_same_file
from cdss.reasoning.errors import WriterError
from cdss.reasoning.gate import find_support
from cdss.reasoning.types import CaseInput
from cdss.reasoning.voting import site_vote
from retrieval.files import written_beside

_CASE_FIELDS = ("age", "sex", "history", "exam", "findings")


class BadLineError(ValueError):
    """A line of the input that is not a claim."""


class Command(BaseCommand):
    help = "Checks each claim of a JSON lines file against its passage, and its case when it has one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--input", type=Path, required=True, help='lines {"id","claim","passage","case"}')
        parser.add_argument("--output", type=Path, required=True, help="where the verdicts are written")

    def handle(self, *args: Any, **options: Any) -> None:
        source, target = options["input"], options["output"]
        refuse_same_file(source, target)
        try:
            site_vote()
        except WriterError as error:
            raise CommandError(str(error), returncode=2) from error
        try:
            lines = lines_open(source)
        except OSError as error:
            raise CommandError(f"{source} cannot be read: {error.strerror}.", returncode=2) from error
        try:
            with lines, written_beside(target) as out:
                bad, good = self._check(lines, out)
                if bad and not good:
                    raise CommandError(f"No line of {source} is a claim; {target} is left as it was.", returncode=2)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror}.", returncode=2) from error
        if not bad and not good:
            self.stderr.write(f"There is no claim in {source}.")
        if bad:
            raise CommandError(f"{bad} line{'s' if bad > 1 else ''} skipped; the rest is in {target}.", returncode=1)

    def _check(self, lines: TextIO, out: IO[bytes]) -> tuple[int, int]:
        bad = good = 0
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                verdict = verdict_of(line)
            except BadLineError as error:
                bad += 1
                self.stderr.write(f"line {number}: {error}")
                continue
            good += 1
            out.write(f"{json.dumps(verdict, ensure_ascii=False)}\n".encode("utf-8", "replace"))
        return bad, good


def verdict_of(line: str) -> dict[str, Any]:
    identifier, claim, passage, case = _parsed(line)
    verdict = find_support(claim, passage, case, vote=site_vote())
    return {
        "id": identifier,
        "support": verdict.support,
        "reasons": list(verdict.reasons),
        "quote": verdict.quote,
        "start": verdict.start,
        "end": verdict.end,
    }


def _parsed(line: str) -> tuple[Any, str, str, CaseInput | str | None]:
    if not is_utf8(line):
        raise BadLineError("not UTF-8 text.")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLineError("not JSON.") from error
    if not isinstance(row, dict):
        raise BadLineError('not an object with "id", "claim" and "passage".')
    identifier = row.get("id")
    if not isinstance(identifier, str | int) or isinstance(identifier, bool):
        raise BadLineError('"id" is missing or is neither text nor a whole number.')
    texts = []
    for name in ("claim", "passage"):
        value = row.get(name)
        if not isinstance(value, str) or not value.strip():
            raise BadLineError(f'"{name}" is missing, empty or not text.')
        texts.append(value)
    return identifier, texts[0], texts[1], _case(row.get("case"))


def _case(value: object) -> CaseInput | str | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise BadLineError('"case" is neither text nor an object.')
    fields = {name: value.get(name) for name in _CASE_FIELDS}
    if any(isinstance(field, dict | list) for field in fields.values()):
        raise BadLineError(f'"case": {", ".join(_CASE_FIELDS)} hold text.')
    return CaseInput.of({name: "" if field is None else str(field) for name, field in fields.items()})
