from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.learning.management.acting import WRONG_USE, person
from cdss.learning.services import PromotionError, weights_promote


class Command(BaseCommand):
    help = "Lets proposed weights answer from the next search on, in a person's name. They need a shadow run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", type=int, metavar="VERSION")
        parser.add_argument("--by", required=True, metavar="USER", help="who answers for it: an administrator")
        parser.add_argument("--reason", default="", metavar="TEXT", help="kept with the version")

    def handle(self, *, version: int, **options: Any) -> None:
        try:
            row = weights_promote(version=version, by=person(options["by"]), reason=options["reason"])
        except PromotionError as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        self.stdout.write(f"Version {row.version} answers; before it, {row.replaced or 'the packaged weights'}.")
