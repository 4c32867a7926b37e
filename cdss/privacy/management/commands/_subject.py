"""The arguments by which a command is told whose data it is about."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from cdss.numbers import whole_number
from cdss.privacy.holdings import Holdings, NothingHeldError, holdings_of


def _number(text: str) -> int:
    """C-12 or 12."""
    number = whole_number(text.strip().removeprefix("C-"), least=1)
    if number is None:
        raise ArgumentTypeError(f"{text!r} is not a number of the site: write 12")
    return number


def add_subject(parser: ArgumentParser) -> None:
    parser.add_argument("--patient", default="", metavar="NUMBER", help="as the DICOM header, import or user gave it")
    parser.add_argument(
        "--consultation", type=_number, action="append", default=[], metavar="N", help="C-N; may be repeated"
    )
    parser.add_argument("--case", type=_number, action="append", default=[], metavar="N", help="a case of the library")


def subject_of(options: dict[str, Any]) -> Holdings:
    if not (options["patient"].strip() or options["consultation"] or options["case"]):
        raise CommandError("Say whose data: --patient NUMBER, --consultation N or --case N.", returncode=2)
    try:
        return holdings_of(patient=options["patient"], consultations=options["consultation"], cases=options["case"])
    except NothingHeldError as error:
        raise CommandError(str(error), returncode=1) from error
