"""Reference collections: broad tables that stand behind what was chosen for this library."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.case_images import fitted
from cdss.library.field_values import RowError
from cdss.library.models import Collection, Gamut, LibraryItem, State
from cdss.library.rows import MAX_ID, GamutRow, row_hash
from cdss.library.services import Target, Upserted, collection_for


@contextmanager
def reference_collection(*, name: str, description: str, licence: str) -> Iterator[Collection]:
    """The collection of this name, marked as reference; a new release of its source brings its own description."""
    with collection_for(name=name, description=description, licence=licence, reference=True) as collection:
        if not collection.reference and collection.items.exists():
            raise RowError(f"{name}: this collection holds items of its own. Choose another name with --collection.")
        collection.reference, collection.description, collection.licence = True, description, licence
        collection.save(update_fields=["reference", "description", "licence"])
        yield collection


def gamut_upsert(*, row: GamutRow, target: Target) -> Upserted:
    if max(len(row.source_name), len(row.source_id)) > MAX_ID:
        raise RowError(f"id: longer than {MAX_ID} characters")
    if target.owner is not None:
        raise RowError("a gamut belongs to nobody: import it with manage.py import_library gamuts")
    state = State.PUBLISHED if target.publish else State.DRAFT
    gamut = Gamut.objects.filter(source_name=row.source_name, source_id=row.source_id).first()
    content_hash = row_hash(row)
    held = gamut is not None and (gamut.content_hash, gamut.collection_id) == (content_hash, target.collection.pk)
    if gamut is not None and held and state in (gamut.state, State.DRAFT):
        return Upserted("unchanged", gamut.pk)
    values = {
        "release": row.release,
        "finding": row.finding,
        "modality": row.modality,
        "region": row.region,
        "diagnoses": list(row.diagnoses),
        "groups": list(row.groups),
        "licence": row.licence,
        "collection": target.collection,
        "state": state,
        "content_hash": content_hash,
    }
    fitting = {name: fitted(Gamut, name, value) for name, value in values.items()}
    saved, created = Gamut.objects.update_or_create(
        source_name=row.source_name, source_id=row.source_id, defaults=fitting
    )
    return Upserted("created" if created else "updated", saved.pk)


def waiting_in(collection: Collection) -> int:
    """Drafts: neither searched nor shown until they are published."""
    return sum(rows.filter(state=State.DRAFT).count() for rows in (collection.items, collection.gamuts))


def collection_withdraw(*, collection: Collection, by: User | None = None) -> int:
    """Takes everything of a collection out of use; returns how much that was. Importing it again brings it back."""
    published = {"state": State.PUBLISHED}
    with transaction.atomic():
        items = LibraryItem.objects.filter(collection=collection, **published)
        withdrawn = items.update(state=State.DRAFT, updated=timezone.now())
        withdrawn += Gamut.objects.filter(collection=collection, **published).update(state=State.DRAFT)
        if withdrawn:
            record(action="library.withdrawn", by=by, obj=collection, details={"items": withdrawn})
    return withdrawn
