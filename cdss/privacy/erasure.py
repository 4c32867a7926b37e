"""Taking away what is held of a patient. The audit trail keeps that it was there, its hash, and who took it away."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.models import Picture
from cdss.consultations.held_pictures import pictures_forget_on_commit
from cdss.consultations.models import Basis, Citation, Consultation, ConsultationImage, Evidence, Replay, Statement
from cdss.library.doubts import doubts_forget
from cdss.library.image_files import remove_images_on_commit
from cdss.library.models import CaseImage, LibraryItem, SavedSearch
from cdss.notices.models import Notice
from cdss.privacy.export import patient_data
from cdss.privacy.holdings import Holdings
from cdss.studies.services import series_files_remove_on_commit

REASONS = {
    "patient-request": "The patient asked for it",
    "consent-withdrawn": "Consent was withdrawn",
    "wrong-upload": "It should not have been entered",
    "retention": "The time it may be kept is over",
    "legal": "A court or authority ordered it",
}
ERASED = "[erased]"


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each model went, how many copies were blanked, and the SHA-256 of what was there."""

    rows: dict[str, int]
    copies: int
    sha256: str


def patient_erase(*, holdings: Holdings, by: User | None, reason: str) -> Erased:
    """Deletes rows, files and thumbnails, and blanks copies in the evidence of other consultations.

    Call `traces_clear` afterwards: it rebuilds the index and empties the free pages of the database.
    """
    if reason not in REASONS:
        raise ValueError(f"{reason!r} is no reason: {', '.join(REASONS)}.")
    digest = _hash(holdings)
    with transaction.atomic():
        copies = _blank(holdings.copies())
        rows = _images_go(holdings)
        series_files_remove_on_commit(cases=holdings.cases)
        pictures_forget_on_commit(consultations=holdings.consultations)
        rows += _delete(Consultation.objects.filter(pk__in=holdings.consultations))
        rows += _delete(LibraryItem.objects.filter(pk__in=holdings.cases))
        rows += _delete(Notice.objects.filter(pk__in=holdings.notices))
        rows += _delete(SavedSearch.objects.filter(pk__in=holdings.searches))
        record(
            action="privacy.erased",
            by=by,
            details={
                "subject": holdings.subject,
                "reason": reason,
                "sha256": digest,
                "consultations": list(map(str, holdings.consultations[:40])),
                "cases": list(map(str, holdings.cases[:40])),
                "rows": sum(rows.values()),
                "copies": copies,
            },
        )
    return Erased(dict(rows), copies, digest)


def traces_clear() -> None:
    """What deleting leaves behind: index generations, free pages of the database and its journal."""
    from cdss.indexing.services import index_build, index_clean, only_builder
    from cdss.indexing.versions.generations import generations
    from retrieval.errors import RetrievalError

    try:
        index_build()
    except RetrievalError:
        # An empty library has no index; what an old one held goes all the same.
        generations().clear()
    else:
        with only_builder():
            index_clean(keep=0)
    database_compact()


def database_compact() -> None:
    """Rewrites the database file without the pages of deleted rows. PostgreSQL does so by itself."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _hash(holdings: Holdings) -> str:
    text = json.dumps(patient_data(holdings), cls=DjangoJSONEncoder, sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _blank(copies: Iterable[Evidence]) -> int:
    """In other consultations the evidence, its quotes and what was said by them; that there was evidence stays."""
    found = list(copies)
    pks = [each.pk for each in found]
    statements = list(Statement.objects.filter(citations__evidence__in=pks).distinct())
    for statement in statements:
        statement.text, statement.reasons = ERASED, []
    Statement.objects.bulk_update(statements, ["text", "reasons"])
    Citation.objects.filter(evidence__in=pks).update(quote=ERASED, start=0, end=0)
    # What was frozen of those consultations, and what came of running them again, tells of it too.
    others = Evidence.objects.filter(pk__in=pks).values("consultation")
    Basis.objects.filter(consultation__in=others).delete()
    Replay.objects.filter(consultation__in=others).delete()
    Evidence.objects.filter(pk__in=pks).update(
        text=ERASED, title=ERASED, details={}, scores={}, source_id=ERASED, item=None, image=None, item_start=0
    )
    return len(found)


def _images_go(holdings: Holdings) -> Counter[str]:
    """Rows of images, and those of their files that no other row names."""
    asked = ConsultationImage.objects.filter(consultation__in=holdings.consultations)
    held = CaseImage.objects.filter(case__in=holdings.cases)
    names = holdings.image_names
    rows = _delete(asked) + _delete(held) + _delete(Picture.objects.filter(manuscript__case__in=holdings.cases))
    doubts_forget(names=names)
    still = set(ConsultationImage.objects.filter(file__in=names).values_list("file", flat=True))
    remove_images_on_commit(names=names - still)
    return rows


def _delete(rows: models.QuerySet[Any]) -> Counter[str]:
    """With whatever points at them, also where the model says that nobody deletes it in passing."""
    gone: Counter[str] = Counter()
    while True:
        try:
            # Each attempt is taken back whole when something protects a row.
            with transaction.atomic():
                gone.update(rows.delete()[1])
            return gone
        except models.ProtectedError as error:
            for row in error.protected_objects:
                gone += _delete(type(row)._base_manager.filter(pk=row.pk))
