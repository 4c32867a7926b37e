from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdss.reasoning.local import KNOWN, LocalModelError, install


class Command(BaseCommand):
    help = "Checks a GGUF model file against its SHA-256 and puts it under CDSS_HOME/models. Nothing is downloaded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, help="a .gguf file, or a folder with part01.bin, part02.bin, …")
        parser.add_argument("--sha256", default="", help="as the publisher gives it; known for " + ", ".join(KNOWN))
        parser.add_argument("--name", default="", help="the file's name under models/ (default: that of the source)")

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["source"]
        name = options["name"] or (source.name if source.is_file() else f"{source.name}.gguf")
        if Path(name).name != name or not name.endswith(".gguf") or name.startswith("."):
            raise CommandError("--name must be a plain file name that ends in .gguf.", returncode=2)
        if not (sha256 := options["sha256"] or KNOWN.get(name, "")):
            raise CommandError(f"Give --sha256 for {name}, as its publisher gives it.", returncode=2)
        try:
            path = install(source=source, target=settings.MODELS_ROOT / name, sha256=sha256)
        except LocalModelError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The model is in place. To use it, set:\n  CDSS_LLM=llamacpp:{path}")
