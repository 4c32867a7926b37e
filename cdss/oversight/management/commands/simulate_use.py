import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.numbers import seed_number
from cdss.oversight.simulation import PlantedGap, SimulationError, simulation_remove, use_simulate


class Command(BaseCommand):
    help = (
        "Fills a site without consultations of its own with simulated ones, to show what auditors see. They say what "
        "they are, and --remove takes them away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--consultations", type=int, default=2000, metavar="N")
        parser.add_argument("--gap", default="", metavar="DIMENSION=GROUP:SIZE", help="as in sex=female:0.2")
        parser.add_argument("--months", type=int, default=6, metavar="N")
        parser.add_argument("--seed", type=seed_number, default=7)
        parser.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"]:
            print(f"{simulation_remove()} simulated consultations removed", file=sys.stderr)
            return
        try:
            made = use_simulate(
                consultations=options["consultations"],
                gap=PlantedGap.of(options["gap"]) if options["gap"] else None,
                seed=options["seed"],
                months=options["months"],
            )
        except SimulationError as error:
            raise CommandError(str(error), returncode=2) from error
        print(f"{made} simulated consultations", file=sys.stderr)
