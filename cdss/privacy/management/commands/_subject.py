"""The arguments by which a command is told whose data it is about."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from cdss.privacy.holdings import Holdings, NothingHeldError, holdings_of


def add_subject(parser: ArgumentParser) -> None:
    parser.add_argument("--patient", default="", metavar="NUMBER", help="as the DICOM header, import or user gave it")
    parser.add_argument(
        "--consultation", type=int, action="append", default=[], metavar="N", help="C-N; may be repeated"
    )
    parser.add_argument("--case", type=int, action="append", default=[], metavar="N", help="a case of the library")


def subject_of(options: dict[str, Any]) -> Holdings:
    if not (options["patient"].strip() or options["consultation"] or options["case"]):
        raise CommandError("Say whose data: --patient NUMBER, --consultation N or --case N.", returncode=2)
    try:
        return holdings_of(patient=options["patient"], consultations=options["consultation"], cases=options["case"])
    except NothingHeldError as error:
        raise CommandError(str(error), returncode=1) from error
