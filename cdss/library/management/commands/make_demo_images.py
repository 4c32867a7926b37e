from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Draws the phantom images of the demonstration library again from fixtures/demo_scenes.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, help="folder to write images/ into (default: fixtures)")
        parser.add_argument("--only", default="", help="draw only the files whose name contains this")

    def handle(self, *args: object, **options: object) -> None:
        from cdss.library.phantoms.render import render, save
        from cdss.library.phantoms.scenes import load_scenes

        root = Path(str(options["output"] or settings.DEMO_ROOT))
        scenes = [
            scene
            for scene in load_scenes(settings.DEMO_ROOT / "demo_scenes.json")
            if str(options["only"]) in scene.file
        ]
        if not scenes:
            raise CommandError(f"--only {options['only']!r}: no scene has a file with this in its name.")
        for scene in scenes:
            save(render(scene), root / scene.file)
        self.stderr.write(f"{len(scenes)} images written to {root / 'images'}")
