"""Documents that are no longer to be cited: marked by hand or by an import, told to whoever cites them, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.models import User
from cdss.accounts.permissions import Action
from cdss.audit.services import record
from cdss.library.models import Case, Document, LibraryItem, RecallKind
from cdss.library.standing import Recall
from cdss.notices.models import Kind
from cdss.notices.services import notify, people_who_may

MAX_REASON = 500
SHORTEST_DOI = 8
MOST_NAMED = 5


class RecallError(ValueError):
    """A recall that cannot be kept; the message is for the editor."""


@dataclass(frozen=True, slots=True)
class CitedIn:
    """Something that cites a document: whose it is and where it is read. `name` quotes no case."""

    kind: str
    name: str
    path: str
    owners: tuple[User, ...]


# Each app that keeps things which cite a document adds how to find them.
CITING: list[Callable[[LibraryItem], Iterable[CitedIn]]] = []


@transaction.atomic
def document_recall(*, document: LibraryItem, kind: str, reason: str, by: User | None, origin: str = "") -> Recall:
    """From now on nothing can cite it; what cites it already is flagged, and its owners are told.

    A graver kind takes the place of the standing one.
    """
    if kind not in RecallKind.values:
        raise RecallError("Choose: retracted, superseded or corrected.")
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise RecallError(f"Give the reason in 1 to {MAX_REASON} characters: readers of old answers are shown it.")
    row = LibraryItem.objects.select_for_update().get(pk=document.pk)
    if row.recalled == kind:
        raise RecallError(f"It is marked {kind} already.")
    Recall.objects.filter(document=row, undone__isnull=True).update(
        undone=timezone.now(), undone_by=by, undone_reason=f"Marked {kind} since."
    )
    recall = Recall.objects.create(document=row, kind=kind, reason=reason, by=by, origin=origin[:200])
    LibraryItem.objects.filter(pk=row.pk).update(recalled=kind)
    document.recalled = kind
    citing = citing_of(row)
    details = {"recall": recall.pk, "kind": kind, "by_import": bool(origin), "cited_in": len(citing)}
    record(action="library.recalled", by=by, obj=row, details=details)
    _tell(recall, citing, Kind.RECALL, f"“{row.title[:150]}” is marked {kind}. It is no longer cited.", "recall")
    return recall


@transaction.atomic
def recall_undo(*, document: LibraryItem, by: User, reason: str) -> None:
    """It may be cited again; what cited it loses the flag, and the same people are told."""
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise RecallError(f"Give the reason in 1 to {MAX_REASON} characters.")
    recall = Recall.objects.select_for_update().filter(document=document, undone__isnull=True).first()
    if recall is None:
        return
    recall.undone, recall.undone_by, recall.undone_reason = timezone.now(), by, reason
    recall.save(update_fields=["undone", "undone_by", "undone_reason"])
    LibraryItem.objects.filter(pk=document.pk).update(recalled="")
    document.recalled = ""
    record(action="library.recall_undone", by=by, obj=document, details={"recall": recall.pk, "kind": recall.kind})
    text = f"“{document.title[:150]}” is no longer marked {recall.kind}."
    _tell(recall, citing_of(document), Kind.RECALL_UNDONE, text, "recall-undone")


def recall_of_import(*, document: Document, said: tuple[str, str], by: User | None) -> bool:
    """What its source says, taken once: an editor's word against it holds when the same file comes again."""
    kind, origin = said
    if not kind or document.recalled == kind:
        return False
    if Recall.objects.filter(document=document, kind=kind, origin=origin[:200]).exists() or _is_graver(document, kind):
        return False
    document_recall(document=document, kind=kind, reason=f"Its source says so: {origin}.", by=by, origin=origin)
    return True


def citing_of(document: LibraryItem) -> list[CitedIn]:
    return [cited for find in CITING for cited in find(document)]


def standing_recalls(items: Iterable[int]) -> dict[int, Recall]:
    """The standing recall of each of these items; no query for none."""
    wanted = list(items)
    return {r.document_id: r for r in Recall.objects.filter(document__in=wanted, undone__isnull=True)} if wanted else {}


def _is_graver(document: LibraryItem, kind: str) -> bool:
    order = list(RecallKind)
    return bool(document.recalled) and order.index(RecallKind(document.recalled)) < order.index(RecallKind(kind))


def _tell(recall: Recall, citing: Iterable[CitedIn], kind: Kind, text: str, key: str) -> None:
    """One notice for each person, however much of theirs cites it; those who publish are told of the document."""
    document, key = recall.document, f"{key}:{recall.pk}"
    of_owner: dict[User, list[CitedIn]] = {}
    for cited in citing:
        for owner in cited.owners:
            of_owner.setdefault(owner, []).append(cited)
    page = reverse("library:item", args=[document.pk])
    for owner, theirs in of_owner.items():
        path = theirs[0].path if len(theirs) == 1 else page
        notify(kind=kind, recipients=[owner], text=f"{text} {_names(theirs)}", path=path, key=key, obj=document)
    notify(kind=kind, recipients=people_who_may(Action.PUBLISH), text=text, path=page, key=key, obj=document)


def _names(cited: Sequence[CitedIn]) -> str:
    names = [one.name for one in cited[:MOST_NAMED]]
    more = len(cited) - len(names)
    listed = ", ".join(names) + (f" and {more} more" if more else "")
    return f"{listed} of yours cite{'s' if len(cited) == 1 else ''} it."


def cases_citing(document: LibraryItem) -> list[CitedIn]:
    """Cases whose text names the document by its DOI or PMID."""
    about = Document.objects.filter(pk=document.pk).first()
    if about is None:
        return []
    named = Q()
    if len(about.doi) >= SHORTEST_DOI:
        named |= Q(text__icontains=about.doi)
    if about.pmid:
        named |= Q(text__iregex=rf"pmid:? ?{about.pmid}([^0-9]|$)") if about.pmid.isdecimal() else Q()
    if not named:
        return []
    editors = tuple(people_who_may(Action.PUBLISH))
    cases = Case.objects.filter(named).select_related("owner").order_by("pk")
    return [
        CitedIn(
            "case",
            f"Case {case.source_id}",
            reverse("library:case", args=[case.pk]),
            (case.owner,) if case.owner else editors,
        )
        for case in cases
    ]
