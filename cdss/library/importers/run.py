"""One import: every row of every path through the services, counted, audited, and never half done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.case_images import FOLDER
from cdss.library.field_values import RowError
from cdss.library.image_files import remove_orphans
from cdss.library.importers.base import Read
from cdss.library.importers.registry import importer_for
from cdss.library.intake_errors import IntakeError
from cdss.library.models import CaseImage
from cdss.library.reference import gamut_upsert
from cdss.library.rows import CaseRow, GamutRow, Row
from cdss.library.services import Target, Upserted, case_upsert, document_upsert

Skip = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """`cases` and `documents` are new, `images` were written, `updated` were there and changed."""

    cases: int = 0
    documents: int = 0
    images: int = 0
    updated: int = 0
    unchanged: int = 0
    # The disk is full or the database is away: rows before are stored, rows after were not tried.
    stopped: bool = False
    skipped: list[Skip] = field(default_factory=list)

    @property
    def imported_nothing(self) -> bool:
        return not (self.cases or self.documents or self.updated or self.unchanged)

    def add(self, other: "Outcome") -> None:
        for name in ("cases", "documents", "images", "updated", "unchanged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.stopped |= other.stopped
        self.skipped += other.skipped

    def as_json(self) -> dict[str, Any]:
        names = ("cases", "documents", "images", "updated", "skipped")
        return {name: getattr(self, name) for name in names}


def run_import(
    paths: Sequence[Path],
    *,
    target: Target,
    format: str = "auto",
    by: User | None = None,
    progress: Callable[[Iterator[Read], Path, int], Iterator[Read]] = lambda reads, path, total: reads,
    own: Callable[[Iterator[Read]], Iterator[Read]] | None = None,
) -> Outcome:
    """Raises FormatError before anything is imported when a path cannot be read. `own` gives the rows of a worker."""
    outcome = Outcome()
    if own is None:
        orphans_clear()
    sources = [(path, importer_for(path, format)) for path in paths]
    try:
        for path, importer in sources:
            reads = importer.read(path) if own is None else own(importer.read(path))
            for read in progress(reads, path, importer.count(path)):
                _take(read, target, outcome, path if len(paths) > 1 else None)
    except (IntakeError, OSError, DatabaseError) as error:
        outcome.stopped = True
        said = str(error).split("\n", 1)[0]
        outcome.skipped.append({"line": 0, "reason": f"The import stopped: {said} Run it again to go on from there."})
    finally:
        counts = {name: value for name, value in outcome.as_json().items() if name != "skipped"}
        formats = sorted({importer.name for _, importer in sources})
        details = counts | {"skipped": len(outcome.skipped), "formats": formats, "published": target.publish}
        if outcome.imported_nothing:
            record(action="library.import_failed", by=by, details=details)
        else:
            record(action="library.imported", by=by, obj=target.collection, details=details)
    return outcome


def orphans_clear() -> None:
    """Images left by an import that was killed. Not while another import writes."""
    remove_orphans(folder=FOLDER, names=set(CaseImage.objects.values_list("file", flat=True)))


def _take(read: Read, target: Target, outcome: Outcome, path: Path | None) -> None:
    where: Skip = {"line": read.line} if path is None else {"line": read.line, "file": path.name}
    if read.row is None:
        outcome.skipped.append(where | {"reason": read.reason})
        return
    try:
        done = _upsert(read.row, target)
    except RowError as error:
        outcome.skipped.append(where | {"reason": str(error)})
        return
    except (DataError, IntegrityError) as error:
        outcome.skipped.append(where | {"reason": f"the database does not take it ({type(error).__name__})"})
        return
    outcome.skipped.extend(where | {"reason": problem} for problem in done.problems)
    outcome.images += done.images
    outcome.cases += done.change == "created" and isinstance(read.row, CaseRow)
    outcome.documents += done.change == "created" and not isinstance(read.row, CaseRow)
    outcome.updated += done.change == "updated"
    outcome.unchanged += done.change == "unchanged"


def _upsert(row: Row, target: Target) -> Upserted:
    if isinstance(row, CaseRow):
        return case_upsert(row=row, target=target)
    if isinstance(row, GamutRow):
        return gamut_upsert(row=row, target=target)
    return document_upsert(row=replace(row, kind=target.kind) if target.kind else row, target=target)
