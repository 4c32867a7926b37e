from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.learning.management.acting import WRONG_USE, person
from cdss.learning.services import PromotionError, weights_rollback


class Command(BaseCommand):
    help = "Lets the weights answer again that did before the last promotion, in a person's name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", required=True, metavar="USER", help="who answers for it: an administrator")

    def handle(self, **options: Any) -> None:
        try:
            gone, restored = weights_rollback(by=person(options["by"]))
        except PromotionError as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        which = f"version {restored}" if restored else "the packaged weights"
        self.stdout.write(f"Version {gone} is retired; {which} answer.")
