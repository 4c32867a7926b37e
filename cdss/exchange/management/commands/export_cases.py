import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.models import User
from cdss.exchange.choosing import Chosen, chosen_cases, ids_of
from cdss.exchange.services import Exported, ExportError, cases_export, cases_export_folder
from cdss.exchange.writing import FORMATS
from cdss.library.models import Case, Collection, State
from retrieval.files import written_beside


def ids(text: str) -> tuple[int, ...]:
    try:
        return ids_of(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text[:40]!r}: write numbers between commas.") from error


class Command(BaseCommand):
    help = (
        "Exports cases with their images: a ZIP where --output ends with .zip, else a new folder. Without --user only "
        "published cases that everyone who signs in may see. Exit code 1 when an image had no file, 2 when nothing was "
        "exported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=list(FORMATS), default="jsonl")
        parser.add_argument("--output", type=Path, required=True, metavar="PATH")
        parser.add_argument("--collection", metavar="NAME")
        parser.add_argument("--state", choices=State.values, default="")
        parser.add_argument("--ids", type=ids, default=(), metavar="N,N,…", help="numbers of cases")
        parser.add_argument("--user", metavar="USERNAME", help="export in the name of this account what it may open")
        parser.add_argument("--title", default="", help="of the web pages; else the collection's name")
        parser.add_argument("--show-answers", action="store_true", help="web pages show diagnoses at once")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        collection = self._collection(options["collection"])
        user = self._user(options["user"])
        chosen = Chosen(collection.pk if collection else None, options["state"], options["ids"])
        about: dict[str, Any] = {
            "cases": chosen_cases(chosen, user=user),
            "form": options["format"],
            "by": user,
            "title": options["title"] or (collection.name if collection else ""),
            "options": {"hide_answers": not options["show_answers"]},
            "progress": self._progress,
        }
        try:
            done = self._export(options["output"], about)
        except ExportError as error:
            raise CommandError(str(error), returncode=2) from error
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.", returncode=2) from error
        self._say(done, as_json=options["json"])
        if done.missing:
            raise CommandError(f"{done.missing} images had no file and were left out.", returncode=1)

    def _export(self, path: Path, about: dict[str, Any]) -> Exported:
        if path.suffix.lower() != ".zip":
            return cases_export_folder(folder=path, **about)
        with written_beside(path) as file:
            done = cases_export(file=file, **about)
            file.flush()
            os.fsync(file.fileno())
        return done

    def _say(self, done: Exported, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(done.as_json()))
            return
        without = " The site is locked to text: without images." if done.without_images else ""
        self.stdout.write(f"{done.cases} cases and {done.images} images, SHA-256 {done.sha256}.{without}")

    def _progress(self, cases: Iterator[Case], total: int) -> Iterator[Case]:
        from tqdm import tqdm

        yield from tqdm(cases, total=total, unit="case", file=sys.stderr, disable=None)

    def _collection(self, name: str | None) -> Collection | None:
        found = Collection.objects.filter(name=name).first() if name else None
        if name and found is None:
            raise CommandError(f"No collection is called {name!r}.", returncode=2)
        return found

    def _user(self, name: str | None) -> User | None:
        found = User.objects.filter(username__iexact=name, is_active=True).first() if name else None
        if name and found is None:
            raise CommandError(f"No account is called {name!r}.", returncode=2)
        return found
