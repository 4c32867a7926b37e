import json
from argparse import SUPPRESS, ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.library.field_values import RowError, clean
from cdss.library.importers.base import Read
from cdss.library.importers.packaged import PACKAGED, Packaged
from cdss.library.importers.registry import IMPORTERS, FormatError, importer_for
from cdss.library.importers.run import Outcome, orphans_clear, run_import
from cdss.library.importers.workers import TICK, Share, import_by_workers
from cdss.library.models import Collection, Kind
from cdss.library.planning import CHANGES, planned_lines
from cdss.library.reference import collection_withdraw, reference_collection, waiting_in
from cdss.library.services import Target, collection_for
from cdss.library.tasks import bring_index_up_to_date
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in

SHOWN_SKIPS = 20
DRAFTS = (
    "{count} wait as drafts in “{name}”: until they are published they are neither searched nor shown beside an "
    "answer. To publish them, run this again with --publish."
)


def _collection_name(given: str) -> str:
    most = Collection._meta.get_field("name").max_length or 0
    name = clean(given)
    if not 0 < len(name) <= most:
        raise CommandError(f"--collection: write a name of 1 to {most} characters.", returncode=2)
    return name


def _told_apart(given: list[str], format: str) -> tuple[list[tuple[Packaged, Path]], list[Path]]:
    """Reference collections with the file of each, called by their word or by that file; and all other paths."""
    packaged: list[tuple[Packaged, Path]] = []
    files: list[Path] = []
    for each in given:
        if format in ("auto", each) and each in PACKAGED:
            packaged.append((PACKAGED[each], PACKAGED[each].path()))
            continue
        name = importer_for(Path(each), format).name
        if name in PACKAGED:
            packaged.append((PACKAGED[name], Path(each)))
        else:
            files.append(Path(each))
    return packaged, files


class Command(BaseCommand):
    help = (
        "Imports cases and documents. Rows that are already there and unchanged are passed over, so an import that was "
        "stopped is finished by running it again. Exit code 0 when anything was imported or already there, 1 when the "
        "import stopped before its end, 2 when nothing could be imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "paths",
            nargs="+",
            metavar="PATH",
            help=f"a file or folder, or {' or '.join(PACKAGED)} for a reference collection out of an installed package "
            "(./hpo for a folder of this name)",
        )
        parser.add_argument("--format", choices=["auto", *IMPORTERS], default="auto")
        parser.add_argument("--collection", metavar="NAME", help="made when it is not there")
        parser.add_argument(
            "--kind", choices=["guideline", "literature"], help="of documents, whatever their source says"
        )
        parser.add_argument("--licence", default="", help="of a collection that is made")
        parser.add_argument(
            "--mask-overlays", action="store_true", help="mask burnt-in marks before images are encoded"
        )
        parser.add_argument(
            "--trust-pixels", action="store_true", help="look for no burnt-in text: the pictures are known to show none"
        )
        parser.add_argument("--synthetic", action="store_true", help="label a collection that is made as synthetic")
        parser.add_argument(
            "--publish", action="store_true", help="make the items searchable; else they wait as drafts"
        )
        parser.add_argument(
            "--withdraw", action="store_true", help=f"take {' or '.join(PACKAGED)} out of use; importing brings it back"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be created, updated and left out; write nothing"
        )
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that import at once (1)")
        # What such a process is called with.
        parser.add_argument("--share", type=Share.parse, help=SUPPRESS)
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_in(Mode.EDUCATION)
        if options["workers"] < 1:
            raise CommandError(f"--workers {options['workers']}: write a number from 1.", returncode=2)
        outcome = Outcome()
        try:
            packaged, files = _told_apart(options["paths"], options["format"])
            if options["dry_run"]:
                self._plan(packaged, files, options)
                return
            if options["withdraw"]:
                self._withdraw([source for source, _ in packaged], files, options)
                return
            for source, path in packaged:
                outcome.add(self._import_packaged(source, path, options))
            if files:
                outcome.add(self._import_files(files, options))
        except (FormatError, RowError) as error:
            raise CommandError(str(error), returncode=2) from error
        if options["share"]:
            self.stdout.write(json.dumps(asdict(outcome), ensure_ascii=False))
            return
        self._report(outcome, as_json=options["json"])
        if outcome.stopped:
            raise CommandError("The import stopped before its end.", returncode=1)
        if outcome.imported_nothing:
            raise CommandError("Nothing was imported.", returncode=2)

    def _plan(self, packaged: list[tuple[Packaged, Path]], files: list[Path], options: dict[str, Any]) -> None:
        """Each row as it was looked at, and how many of each there are; exit code 2 when nothing could be imported."""
        if packaged:
            raise CommandError("--dry-run looks at files; a reference collection has none of yours.", returncode=2)
        name = _collection_name("Imported" if options["collection"] is None else options["collection"])
        held = Collection.objects.filter(name=name).first() or Collection(name=name, synthetic=options["synthetic"])
        kind = Kind(options["kind"]) if options["kind"] else None
        target = Target(held, publish=options["publish"], kind=kind, trust_pixels=options["trust_pixels"])
        lines = [
            {"file": path.name} | line
            for path in files
            for line in planned_lines(importer_for(path, options["format"]).read(path), target)
        ]
        counts = Counter(line["change"] for line in lines)
        told = {change: counts[change] for change in CHANGES}
        if options["json"]:
            self.stdout.write(json.dumps(told | {"rows": lines}, ensure_ascii=False))
        else:
            for line in lines:
                said = "; ".join(filter(None, (line["why"], *line["problems"])))
                self.stdout.write(
                    f"{line['file']} line {line['line']}: {line['change']} {line['title']} {said}".rstrip()
                )
            self.stdout.write(
                "{created} would be created, {updated} updated, {unchanged} stay, {skipped} left out.".format(**told)
            )
        if counts["skipped"] == len(lines):
            raise CommandError("Nothing could be imported.", returncode=2)

    def _import_files(self, paths: list[Path], options: dict[str, Any]) -> Outcome:
        about = {name: options[name] for name in ("licence", "mask_overlays", "synthetic")}
        name = "Imported" if options["collection"] is None else options["collection"]
        kind = Kind(options["kind"]) if options["kind"] else None
        with collection_for(name=_collection_name(name), **about) as collection:
            trusted = options["trust_pixels"]
            target = Target(collection, publish=options["publish"], kind=kind, trust_pixels=trusted)
            if share := options["share"]:
                return run_import(paths, target=target, format=options["format"], progress=self._ticks, own=share.own)
            if options["workers"] > 1:
                outcome = self._import_by_workers(paths, collection, options)
            else:
                outcome = run_import(paths, target=target, format=options["format"], progress=self._progress)
            self._tell_drafts(collection)
            return outcome

    def _import_by_workers(self, paths: list[Path], collection: Collection, options: dict[str, Any]) -> Outcome:
        from tqdm import tqdm

        total = sum(importer_for(path, options["format"]).count(path) for path in paths)
        orphans_clear()
        arguments = [str(path.resolve()) for path in paths]
        arguments += ["--collection", collection.name, "--format", options["format"]]
        arguments += ["--kind", options["kind"]] if options["kind"] else []
        arguments += ["--licence", options["licence"]] if options["licence"] else []
        switches = ("mask_overlays", "trust_pixels", "synthetic", "publish")
        arguments += [f"--{name.replace('_', '-')}" for name in switches if options[name]]
        with tqdm(total=total, unit="row", file=self.stderr, disable=None) as bar:
            return import_by_workers(arguments, workers=options["workers"], on_row=bar.update)

    def _ticks(self, reads: Iterator[Read], path: Path, total: int) -> Iterator[Read]:
        for read in reads:
            yield read
            self.stderr.write(TICK)

    def _import_packaged(self, source: Packaged, path: Path, options: dict[str, Any]) -> Outcome:
        name = _collection_name(source.collection if options["collection"] is None else options["collection"])
        with reference_collection(name=name, description=source.about(path), licence=source.licence) as collection:
            target = Target(collection, publish=options["publish"])
            outcome = run_import([path], target=target, format=source.word, progress=self._progress)
            self._tell_drafts(collection)
        if options["publish"] and outcome.documents + outcome.updated and source.is_searched:
            bring_index_up_to_date.enqueue()
            self.stderr.write("Encoded in the background while the site is served; or now: manage.py build_index")
        return outcome

    def _tell_drafts(self, collection: Collection) -> None:
        if count := waiting_in(collection):
            self.stderr.write(DRAFTS.format(count=count, name=collection.name))

    def _withdraw(self, sources: list[Packaged], files: list[Path], options: dict[str, Any]) -> None:
        if files:
            raise FormatError(f"--withdraw is for {' and '.join(PACKAGED)}, not for {files[0]}.")
        names = [options["collection"] or source.collection for source in sources]
        collections = {each.name: each for each in Collection.objects.filter(name__in=names, reference=True)}
        counts = {name: collection_withdraw(collection=collections[name]) for name in names if name in collections}
        if options["json"]:
            self.stdout.write(json.dumps({"withdrawn": sum(counts.values())}))
        else:
            said = [f"{name}: {count} withdrawn." for name, count in counts.items()]
            self.stdout.write("\n".join(said) or "None is there.")

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
