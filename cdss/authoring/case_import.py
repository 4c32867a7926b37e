"""Many cases at once: a file or a ZIP is looked at first, and imported only when its plan was seen."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.models import PlannedImport
from cdss.authoring.services import AuthoringError
from cdss.library import uploads
from cdss.library.field_values import RowError
from cdss.library.importers.archive import unpacked
from cdss.library.importers.base import FormatError, Importer
from cdss.library.importers.registry import importer_for
from cdss.library.importers.run import run_import
from cdss.library.models import Collection, Visibility
from cdss.library.planning import Planned, case_planned
from cdss.library.rows import CaseRow
from cdss.library.services import Target, collection_for
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in

CHANGES = ("created", "updated", "unchanged", "skipped")
MOST_LINES = 5_000
_TABLES = (".jsonl", ".ndjson")


def import_plan(*, upload: UploadedFile, collection: str, visibility: str, by: User) -> PlannedImport:
    """Holds the upload and says what would come of each case; the library stays as it is."""
    refuse_in(Mode.EDUCATION)
    try:
        path = uploads.hold(upload)
    except uploads.UploadError as error:
        raise AuthoringError(str(error)) from error
    try:
        plan = _plan(path, collection, visibility, by)
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        options = {"collection": collection, "visibility": visibility}
        with transaction.atomic():
            made = PlannedImport.objects.create(
                by=by, token=path.parent.name, name=path.name, sha256=digest, options=options, plan=plan
            )
            record(action="import.planned", by=by, obj=made, details=counts_of(plan))
    except (FormatError, RowError) as error:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise AuthoringError(str(error).replace(f"{path.parent}/", "")) from error
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return made


def import_run(*, planned: PlannedImport, by: User) -> PlannedImport:
    """Imports what was planned, as drafts of their owner, once."""
    refuse_in(Mode.EDUCATION)
    with transaction.atomic():
        row = PlannedImport.objects.select_for_update().get(pk=planned.pk)
        if row.done:
            raise AuthoringError("This was imported already.")
        path = uploads.folder() / row.token / row.name
        if not path.is_file():
            raise AuthoringError("The upload is kept for a day. Upload it again.")
        row.done = timezone.now()
        row.save(update_fields=["done"])
    try:
        with collection_for(name=row.options["collection"]) as collection, _cases_in(path) as (source, importer):
            visibility = Visibility(row.options["visibility"])
            target = Target(collection, owner=by, visibility=visibility)
            row.report = run_import([source], target=target, format=importer.name, by=by).as_json()
        row.save(update_fields=["report"])
    except (FormatError, RowError) as error:
        PlannedImport.objects.filter(pk=row.pk).update(done=None)
        raise AuthoringError(str(error)) from error
    shutil.rmtree(path.parent, ignore_errors=True)
    return row


def counts_of(plan: list[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(line["change"] for line in plan)
    return {change: counts[change] for change in CHANGES}


def _plan(path: Path, name: str, visibility: str, by: User) -> list[dict[str, Any]]:
    held = Collection.objects.filter(name=name).first() or Collection(name=name)
    target = Target(held, owner=by, visibility=Visibility(visibility))
    with _cases_in(path) as (source, importer):
        lines: list[dict[str, Any]] = []
        for read in importer.read(source):
            if len(lines) >= MOST_LINES:
                raise AuthoringError(f"There are more than {MOST_LINES:,} cases in it. Split it.")
            if read.row is None:
                planned = Planned("skipped", why=read.reason)
            elif isinstance(read.row, CaseRow):
                planned = case_planned(row=read.row, target=target)
            else:
                planned = Planned("skipped", why="It is no case. Import documents by Library → Import.")
            lines.append({"line": read.line} | asdict(planned) | {"problems": list(planned.problems)})
    if not lines:
        raise AuthoringError("There is no case in it.")
    return lines


@contextmanager
def _cases_in(path: Path) -> Iterator[tuple[Path, Importer]]:
    """What is read, and by which importer: the file itself, or what lies in the ZIP."""
    if path.suffix.lower() != ".zip":
        yield path, importer_for(path)
        return
    with unpacked(path) as folder:
        tables = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _TABLES)
        labels = sorted(folder.rglob("labels.csv"))
        if len(tables) > 1:
            raise FormatError(f"{path.name}: it holds {len(tables)} files of JSON lines. Pack one of them.")
        if tables or labels:
            source = tables[0] if tables else labels[0].parent
            yield source, importer_for(source)
            return
        try:
            importer = importer_for(path)
        except FormatError:
            importer = importer_for(folder)
            path = folder
        yield path, importer
