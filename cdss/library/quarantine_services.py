from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.models import Collection, LibraryItem
from cdss.library.quarantines import Quarantine, in_quarantine


class QuarantineError(ValueError):
    """Its message is for the person who asked."""


@transaction.atomic
def source_quarantine(
    *, by: User, reason: str, source_name: str = "", collection: Collection | None = None
) -> Quarantine:
    """From its commit on nothing of the source is searched, shown or cited; answers that cite it are marked."""
    if bool(source_name) == bool(collection):
        raise QuarantineError("Choose a source or a collection.")
    items = LibraryItem.objects.filter(collection=collection) if collection else None
    items = items if items is not None else LibraryItem.objects.filter(source_name=source_name)
    found = items.count()
    if source_name and not found:
        raise QuarantineError("No item of the library has this source.")
    standing = Quarantine.objects.standing().filter(source_name=source_name, collection=collection).first()
    if standing:
        return standing
    row = Quarantine.objects.create(source_name=source_name, collection=collection, reason=reason.strip(), by=by)
    kind = "collection" if collection else "source"
    record(action="library.quarantined", by=by, obj=row, details={"of": kind, "items": found})
    return row


@transaction.atomic
def quarantine_lift(*, quarantine: Quarantine, by: User) -> None:
    row = Quarantine.objects.select_for_update().get(pk=quarantine.pk)
    if row.lifted:
        return
    row.lifted, row.lifted_by = timezone.now(), by
    row.save(update_fields=["lifted", "lifted_by"])
    record(action="library.quarantine_lifted", by=by, obj=row)


def quarantined_items(ids: Iterable[int]) -> set[int]:
    """Those of these items that nothing may rest on now."""
    rows = LibraryItem.objects.filter(in_quarantine(), pk__in=list(ids))
    return set(rows.values_list("pk", flat=True))
