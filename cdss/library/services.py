from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.audit.services import record
from cdss.library.ages import NO_AGE, age_years, is_no_age
from cdss.library.case_images import fitted, read_images, replace_images, source_digest
from cdss.library.case_text import case_text
from cdss.library.date_shift import DateShift
from cdss.library.deidentify import PATIENT_NUMBERS, deidentify
from cdss.library.field_values import RowError
from cdss.library.image_files import new_image_files
from cdss.library.keepers import Arrived, keep
from cdss.library.models import Case, Collection, Document, Kind, LibraryItem, Passage, State, Visibility
from cdss.library.recalls import recall_of_import
from cdss.library.rows import (
    MAX_ID,
    MAX_TEXT,
    CaseRow,
    DocumentRow,
    ItemRow,
    patient_group,
    row_hash,
    shown_age,
)

Item = TypeVar("Item", Case, Document)
Change = Literal["created", "updated", "unchanged"]
CASE_TEXTS = ("title", "history", "exam", "findings", "diagnosis", "diagnosis_by", "discussion", "treatment",
              "topic_title", "abstract", "alternative_title", "alternative_abstract")  # fmt: skip
CASE_LISTS = ("differential", "learning_points")
# Taken as they are: words of a list, or what names an author or a source and not a patient.
CASE_AS_SAID = ("sex", "topic", "category", "region", "organ_system", "pathology", "difficulty", "certainty",
                "confirmed_by")  # fmt: skip
CASE_LISTS_AS_SAID = ("authors", "keywords", "codes", "modalities", "references")


@dataclass(frozen=True, slots=True)
class Upserted:
    """`images` were written; `problems` say what was left out or held back."""

    change: Change
    item: int
    images: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Where imported items go. Without `publish` a new or changed item waits as a draft and is never searched."""

    collection: Collection
    owner: User | None = None
    visibility: Visibility = Visibility.PUBLIC
    publish: bool = False
    # Instead of the kind that a source says of its documents.
    kind: Kind | None = None
    # The pictures are known to show no text that names anybody: it is not looked for.
    trust_pixels: bool = False
    # It comes from the editor of this site, which alone writes over what was written here or is off the shelf.
    authored: bool = False


def collection_ensure(
    *,
    name: str,
    description: str = "",
    licence: str = "",
    mask_overlays: bool = False,
    synthetic: bool = False,
    reference: bool = False,
) -> Collection:
    """The collection of this name. Masking is switched on for one that exists, never off."""
    defaults = {
        "description": description,
        "licence": licence,
        "mask_overlays": mask_overlays,
        "synthetic": synthetic,
        "reference": reference,
    }
    collection, created = Collection.objects.get_or_create(name=name, defaults=defaults)
    if not created and mask_overlays and not collection.mask_overlays:
        collection.mask_overlays = True
        collection.save(update_fields=["mask_overlays"])
    return collection


@contextmanager
def collection_for(*, name: str, **about: Any) -> Iterator[Collection]:
    """The collection of this name for an import. One that was made for it and stayed empty is gone afterwards."""
    was_there = Collection.objects.filter(name=name).exists()
    collection = collection_ensure(name=name, **about)
    try:
        yield collection
    finally:
        if not was_there:
            Collection.objects.filter(pk=collection.pk, items__isnull=True, gamuts__isnull=True).delete()


def case_upsert(*, row: CaseRow, target: Target) -> Upserted:
    """Stores a case, de-identified, with its images: all of it or nothing."""
    content_hash = row_hash(row, tuple(source_digest(image) for image in row.images))
    item = _existing(row, Kind.CASE, target)
    if item is not None and not target.authored and Case.objects.filter(pk=item.pk, authored_here=True).exists():
        return Upserted("unchanged", item.pk, problems=(f"{row.source_id}: it was written here since, and stays so",))
    if item is not None and _is_current(item, content_hash, row, target):
        return Upserted("unchanged", item.pk)
    values, removed = _case_values(row)
    known = row.synthetic or target.collection.synthetic or target.trust_pixels
    images, problems = read_images(row.images, screen=not known)
    captions = [deidentify(image.row.caption, shift=shift_of(row)) for image in images]
    for counts in (*(each.removed for each in captions), *(image.intake.removed for image in images)):
        removed.update(counts)
    texts = [caption.text for caption in captions]
    values |= {"text": case_text(values, texts), "content_hash": content_hash, "removed_identifiers": dict(removed)}
    if target.authored and item is not None:
        values |= _kept_by_editing(item, values)
    if not values["text"] and not images:
        raise RowError("; ".join(problems) or "the case is empty: give it a history, findings or an image")
    with new_image_files(), transaction.atomic():
        case, change = _saved(Case, item, row, Kind.CASE, target, values)
        written = replace_images(case, images, texts)
        problems += keep(Arrived(case, row, images, target.owner, known))
    waits = target.publish and case.state == State.DRAFT
    said = [f"{problem} The case was imported without it." for problem in problems]
    return Upserted(change, case.pk, written, (*said, *([f"{row.hold}: imported as a draft"] if waits else [])))


def document_upsert(*, row: DocumentRow, target: Target) -> Upserted:
    """Stores a document. Its text stays as published, save for numbers and addresses that name a patient."""
    content_hash = row_hash(row)
    item = _existing(row, Kind(row.kind), target)
    if item is not None and _is_current(item, content_hash, row, target):
        if row.recall[0]:
            recall_of_import(document=Document.objects.get(pk=item.pk), said=row.recall, by=target.owner)
        return Upserted("unchanged", item.pk)
    values = _document_values(row) | {"content_hash": content_hash}
    with transaction.atomic():
        document, change = _saved(Document, item, row, Kind(row.kind), target, values)
        recall_of_import(document=document, said=row.recall, by=target.owner)
    waits = target.publish and document.state == State.DRAFT
    return Upserted(change, document.pk, problems=(f"{row.hold}: imported as a draft",) if waits else ())


class StateError(ValueError):
    """A change of state that is not open; the message is for who asked for it."""


# Each app that has a say on what is published adds it: it raises StateError.
BEFORE_STATE: list[Callable[[LibraryItem, State, User], None]] = []


def item_publish(*, item: LibraryItem, by: User) -> None:
    """Raises StateError for what waits for a review or was retired."""
    if item.state in (State.REVIEW, State.RETIRED):
        raise StateError(f"It is {State(item.state).label.lower()}: that is ended where it was begun, by its editor.")
    _state_set(item, State.PUBLISHED, "library.published", by)


def item_unpublish(*, item: LibraryItem, by: User) -> None:
    """Raises StateError for what was retired: it is off the shelf already."""
    if item.state in (State.REVIEW, State.RETIRED):
        raise StateError(f"It is {State(item.state).label.lower()} already: nothing of it is searched.")
    _state_set(item, State.DRAFT, "library.unpublished", by)


def case_state_set(*, case: LibraryItem, state: State, by: User) -> None:
    """For the editor of cases, which says itself what came before."""
    with transaction.atomic():
        LibraryItem.objects.filter(pk=case.pk).update(state=state, updated=timezone.now())
        case.state = state
        record(action=f"case.{state.value}", by=by, obj=LibraryItem.objects.get(pk=case.pk))


def _state_set(item: LibraryItem, state: State, action: str, by: User) -> None:
    for check in BEFORE_STATE:
        check(item, state, by)
    with transaction.atomic():
        changed = LibraryItem.objects.filter(pk=item.pk).exclude(state=state)
        if changed.update(state=state, updated=timezone.now()):
            item.state = state
            record(action=action, by=by, obj=item)


def _existing(row: ItemRow, kind: Kind, target: Target) -> LibraryItem | None:
    if max(len(row.source_name), len(row.source_id)) > MAX_ID:
        raise RowError(f"id: longer than {MAX_ID} characters")
    item = LibraryItem.objects.filter(source_name=row.source_name, source_id=row.source_id).first()
    if item is None:
        return None
    if (item.kind == Kind.CASE) != (kind == Kind.CASE):
        raise RowError(f"id: {row.source_id} of {row.source_name} is already in the library as a {item.kind}")
    owner = target.owner
    if owner is not None and owner.role != Role.ADMINISTRATOR and item.owner_id != owner.pk:
        raise RowError(
            f"id: {row.source_id} of {row.source_name} is already in the library and belongs to someone else"
        )
    return item


def _is_current(item: LibraryItem, content_hash: str, row: ItemRow, target: Target) -> bool:
    held = item.content_hash == content_hash and item.collection_id == target.collection.pk
    return held and not (item.state == State.DRAFT and _state(row, target) == State.PUBLISHED)


def _state(row: ItemRow, target: Target) -> State:
    return State.PUBLISHED if target.publish and not row.hold else State.DRAFT


def _next_state(held: LibraryItem | None, row: ItemRow, target: Target) -> State:
    """An import neither publishes what was retired or is being reviewed, nor makes a draft of it."""
    if held is not None and held.state in (State.RETIRED, State.REVIEW) and not target.authored:
        return State(held.state)
    return _state(row, target)


def _saved(
    model: type[Item], held: LibraryItem | None, row: ItemRow, kind: Kind, target: Target, values: Mapping[str, Any]
) -> tuple[Item, Change]:
    if held is None:
        item = model(
            source_name=row.source_name, source_id=row.source_id, owner=target.owner, visibility=target.visibility
        )
    else:
        item = model._default_manager.get(pk=held.pk)
    text_changed = held is not None and held.text != values["text"]
    about: dict[str, Any] = {
        "kind": kind,
        "collection": target.collection,
        "state": _next_state(held, row, target),
        "licence": row.licence or target.collection.licence,
        "synthetic": row.synthetic or target.collection.synthetic,
    }
    for name, value in (about | dict(values)).items():
        setattr(item, name, fitted(model, name, value))
    item.save()
    if text_changed:
        # Their offsets are in the old text.
        Passage.objects.filter(item_id=item.pk).delete()
    return item, "created" if held is None else "updated"


def shift_of(row: CaseRow) -> DateShift | None:
    """Where the source names the patient, dates are moved: the time between two of them stays readable."""
    return DateShift.of(row.patient) if row.patient.strip() else None


def _kept_by_editing(item: LibraryItem, values: Mapping[str, Any]) -> dict[str, Any]:
    """Whose case it is among the patients of its source, and what was taken out of it before, stay known."""
    removed = Counter(item.removed_identifiers) + Counter(values["removed_identifiers"])
    return {"authored_here": True, "source_group": item.source_group, "removed_identifiers": dict(removed)}


def _case_values(row: CaseRow) -> tuple[dict[str, Any], Counter[str]]:
    """What is stored of a case's text, and how many identifiers of each kind were removed."""
    if sum(len(getattr(row, name)) for name in CASE_TEXTS) > MAX_TEXT:
        raise RowError(f"the text is longer than {MAX_TEXT:,} characters")
    if is_no_age(row.age):
        raise RowError(f"{NO_AGE}, found “{row.age[:40]}”")
    shift = shift_of(row)
    found = {name: deidentify(getattr(row, name), shift=shift) for name in CASE_TEXTS}
    lists = {name: [deidentify(text, shift=shift) for text in getattr(row, name)] for name in CASE_LISTS}
    cleaned = (*found.values(), *(each for texts in lists.values() for each in texts))
    removed = sum((Counter(each.removed) for each in cleaned), Counter[str]())
    values: dict[str, Any] = {name: each.text for name, each in found.items()}
    age = shown_age(row.age)
    removed.update({"age": 1} if age != row.age else {})
    values |= {
        "title": values["title"] or values["diagnosis"] or f"Case {row.source_id}",
        **{name: [each.text for each in texts] for name, texts in lists.items()},
        **{name: getattr(row, name) for name in CASE_AS_SAID},
        **{name: list(getattr(row, name)) for name in CASE_LISTS_AS_SAID},
        "age": age,
        "age_years": age_years(age),
        "source_group": patient_group(row.source_name, row.patient) if row.patient else "",
    }
    return values, removed


def _document_values(row: DocumentRow) -> dict[str, Any]:
    if not row.text.strip():
        raise RowError("text: there is none")
    if len(row.text) > MAX_TEXT:
        raise RowError(f"text: longer than {MAX_TEXT:,} characters")
    text, pages, removed = _document_text(row)
    names = ("title", "authors", "journal", "publisher", "published", "url", "doi", "pmid", "reference", "copyright",
             "keywords", "status", "category")  # fmt: skip
    values = {name: getattr(row, name) for name in names}
    return values | {"text": text, "pages": pages, "removed_identifiers": dict(removed)}


def _document_text(row: DocumentRow) -> tuple[str, list[list[int]], Counter[str]]:
    """De-identified page by page, so that the offsets of the pages hold in the text that is stored."""
    text, pages, removed, at = "", [], Counter[str](), 0
    for start, end, number in row.pages or ((0, len(row.text), 0),):
        found = deidentify(row.text[start:end], kinds=PATIENT_NUMBERS)
        text += row.text[at:start]
        pages.append([len(text), len(text) + len(found.text), number])
        text += found.text
        removed.update(found.removed)
        at = end
    return text + row.text[at:], pages if row.pages else [], removed
