"""Who is told at once that something was called unsafe."""

from django.urls import reverse

from cdss.accounts.models import User
from cdss.accounts.permissions import Action
from cdss.feedback.fit import kind_of
from cdss.feedback.models import Feedback
from cdss.library.models import LibraryItem
from cdss.notices.models import Kind
from cdss.notices.services import notify, people_who_may

NAMES = {
    "statement": "A statement",
    "citation": "A citation",
    "evidence": "A piece of evidence",
    "diagnosis": "A diagnosis",
    "consultation": "The answer",
}


def tell_of_unsafe(given: Feedback) -> None:
    """Auditors are led to the consultation, owners of what it rests on to their item, which they may open."""
    target = given.statement or given.diagnosis or given.evidence or given.citation
    text = f"{NAMES[kind_of(target)]} of {given.consultation} was called unsafe: {given.get_reason_display().lower()}."
    key = f"unsafe:{given.pk}"
    auditors = [user for user in people_who_may(Action.EXPORT_FEEDBACK) if user.pk != given.user_id]
    path = reverse("consultations:detail", args=[given.consultation_id])
    notify(kind=Kind.UNSAFE, recipients=auditors, text=text, path=path, key=key, obj=given)
    for item, people in _owners(given):
        place = f" It rests on “{item.title[:120]}” of your library."
        others = [user for user in people if user.pk != given.user_id]
        path = reverse("library:item", args=[item.pk])
        notify(kind=Kind.UNSAFE, recipients=others, text=text + place, path=path, key=key, obj=given)


def _owners(given: Feedback) -> list[tuple[LibraryItem, list[User]]]:
    """Each cited item with its owner; one that nobody owns is the matter of those who publish."""
    items = LibraryItem.objects.filter(pk__in=_items(given)).select_related("owner").order_by("pk")
    editors: list[User] = []
    if any(item.owner is None for item in items):
        editors = list(people_who_may(Action.PUBLISH))
    return [(item, [item.owner] if item.owner else editors) for item in items]


def _items(given: Feedback) -> set[int]:
    evidence = given.consultation.evidence.filter(item__isnull=False)
    if given.evidence is not None:
        evidence = evidence.filter(pk=given.evidence.pk)
    elif given.citation is not None:
        evidence = evidence.filter(citations=given.citation_id)
    elif given.statement is not None:
        evidence = evidence.filter(citations__statement=given.statement_id)
    elif given.diagnosis is not None:
        evidence = evidence.filter(citations__statement__diagnosis=given.diagnosis_id)
    else:
        evidence = evidence.filter(citations__isnull=False)
    return {pk for pk in evidence.values_list("item_id", flat=True) if pk is not None}
