from argparse import ArgumentParser
from typing import IO, Any

from cdss.audit.export import FORMATS, Wanted, export_events
from cdss.audit.models import OUTCOMES
from cdss.export_command import ExportCommand
from cdss.exports import Exported

FILTERS = ("since", "until", "actor", "action", "role", "model", "outcome", "obj")


class Command(ExportCommand):
    help = "Streams the audit trail to a file that verify_export.py checks. Days are whole days, the last one included."
    formats, outcomes, rows = FORMATS, tuple(OUTCOMES), "events"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", dest="actor", default="", metavar="USERNAME")
        parser.add_argument("--action", default="", metavar="START", help="how the action begins: consultation.")
        parser.add_argument("--object", dest="obj", default="", metavar="TYPE[:ID]")
        parser.add_argument(
            "--rows-alone",
            action="store_true",
            help="without the numbers and hashes of events that the filters leave out: then nothing proves that none "
            "is missing",
        )

    def counted(self, options: dict[str, Any]) -> int:
        return _wanted(options).events().count()

    def exported(self, options: dict[str, Any], file: IO[bytes]) -> Exported:
        return export_events(by=None, wanted=_wanted(options), form=options["format"], file=file)


def _wanted(options: dict[str, Any]) -> Wanted:
    return Wanted({name: options[name] for name in FILTERS}, placeholders=not options["rows_alone"])
