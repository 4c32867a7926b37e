import json
import tomllib
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cdss.management.sbom import bill_of_materials


class Command(BaseCommand):
    help = "Prints the software bill of materials of what is locked (CycloneDX JSON)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
        try:
            bill = bill_of_materials(
                lock=settings.BASE_DIR / "requirements.lock", name=project["name"], version=project["version"]
            )
        except (OSError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(bill, indent=2))
