import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.consultations.models import FINISHED, Consultation, Replay
from cdss.consultations.replay import replayed
from cdss.consultations.replaying import replay_store
from cdss.numbers import whole_number


class Command(BaseCommand):
    help = (
        "Runs a stored consultation again: from what was frozen with it, which gives the answer byte for byte, "
        "and of today's library. Exit code 1 when the answer is another one or its rows were changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("consultation", metavar="ID", help="as in C-12 or 12")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, consultation: str, **options: Any) -> None:
        number = whole_number(consultation.upper().removeprefix("C-"))
        if number is None:
            raise CommandError(f"{consultation!r} is not the number of a consultation: write C-12 or 12.", returncode=2)
        row = Consultation.objects.select_related("user").filter(pk=number).first()
        if row is None or row.status not in FINISHED:
            raise CommandError(f"There is no answered consultation C-{number}.", returncode=2)
        try:
            result = replayed(row)
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        replay = Replay(consultation=row, result=result)
        replay_store(replay=replay)
        self.stdout.write(json.dumps(result, ensure_ascii=False) if options["json"] else said(result))
        if result["byte_equal"] is False or not result["untouched"]:
            sys.exit(1)


def said(result: dict[str, Any]) -> str:
    verdicts = {True: "byte for byte the same", False: "another one", None: "not kept to be made again"}
    lines = [f"{result['consultation']}: the composer's answer is {verdicts[result['byte_equal']]}."]
    changed = [each["what"] for each in result["vouched"] if each["holds"] is False]
    lines += [f"The stored {what} is not what the audit trail vouches for." for what in changed]
    lines += [_step(step) for step in result["steps"]]
    if result["differences"] is None:
        return "\n".join([*lines, f"Today: {result['now']['trouble']}"])
    for kind in ("diagnoses", "evidence"):
        rows = result["differences"][kind]
        changes = [row["change"] for row in rows]
        counted = ", ".join(f"{changes.count(name)} {name}" for name in ("same", "up", "down", "came", "went"))
        lines.append(f"Today's {kind}: {counted}")
    return "\n".join(lines)


def _step(step: dict[str, Any]) -> str:
    verdict = {True: ": same", False: ": NOT the same", None: ""}[step["same"]]
    return f"  {step['name']} from {step['of']}{verdict}{' · ' + step['note'] if step['note'] else ''}"
