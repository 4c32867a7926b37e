import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.library.importers.base import Read
from cdss.library.importers.registry import IMPORTERS, FormatError
from cdss.library.importers.run import Outcome, run_import
from cdss.library.models import Collection, Kind
from cdss.library.rows import clean
from cdss.library.services import Target, collection_for

SHOWN_SKIPS = 20


def _collection_name(given: str) -> str:
    most = Collection._meta.get_field("name").max_length or 0
    name = clean(given)
    if not 0 < len(name) <= most:
        raise CommandError(f"--collection: write a name of 1 to {most} characters.", returncode=2)
    return name


class Command(BaseCommand):
    help = (
        "Imports cases and documents. Rows that are already there and unchanged are passed over, so an import that was "
        "stopped is finished by running it again. Exit code 0 when anything was imported or already there, 1 when the "
        "import stopped before its end, 2 when nothing could be imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--format", choices=["auto", *IMPORTERS], default="auto")
        parser.add_argument("--collection", default="Imported", metavar="NAME", help="made when it is not there")
        parser.add_argument(
            "--kind", choices=["guideline", "literature"], help="of documents, whatever their source says"
        )
        parser.add_argument("--licence", default="", help="of a collection that is made")
        parser.add_argument(
            "--mask-overlays", action="store_true", help="mask burnt-in marks before images are encoded"
        )
        parser.add_argument("--synthetic", action="store_true", help="label a collection that is made as synthetic")
        parser.add_argument(
            "--publish", action="store_true", help="make the items searchable; else they wait as drafts"
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        about = {name: options[name] for name in ("licence", "mask_overlays", "synthetic")}
        kind = Kind(options["kind"]) if options["kind"] else None
        try:
            with collection_for(name=_collection_name(options["collection"]), **about) as collection:
                target = Target(collection, publish=options["publish"], kind=kind)
                outcome = run_import(options["paths"], target=target, format=options["format"], progress=self._progress)
        except FormatError as error:
            raise CommandError(str(error), returncode=2) from error
        self._report(outcome, as_json=options["json"])
        if outcome.stopped:
            raise CommandError("The import stopped before its end.", returncode=1)
        if outcome.imported_nothing:
            raise CommandError("Nothing was imported.", returncode=2)

    def _progress(self, reads: Iterator[Read], path: Path, total: int) -> Iterator[Read]:
        from tqdm import tqdm

        yield from tqdm(reads, total=total, desc=path.name, unit="row", file=self.stderr, disable=None)

    def _report(self, outcome: Outcome, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(outcome.as_json(), ensure_ascii=False))
        for skip in outcome.skipped[: None if not as_json else SHOWN_SKIPS]:
            self.stderr.write(f"{skip.get('file', '')} line {skip['line']}: {skip['reason']}".strip())
        if not as_json:
            self.stdout.write(
                f"{outcome.cases} cases, {outcome.documents} documents and {outcome.images} images imported, "
                f"{outcome.updated} updated, {outcome.unchanged} unchanged, {len(outcome.skipped)} skipped."
            )
