"""What the pages read, each in a number of queries that does not grow with the rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from cdss.accounts.models import User
from cdss.accounts.permissions import user_of
from cdss.consultations.models import (
    FINISHED,
    WITHHELD,
    Consultation,
    ConsultationImage,
    ConsultationQuerySet,
    Diagnosis,
    Evidence,
    Status,
    Support,
)
from cdss.library.quarantines import in_quarantine, in_quarantine_by_name
from cdss.numbers import whole_number

OWN_FIRST = WITHHELD & Q(status__in=[Status.DONE, Status.ABSTAINED])


def consultation_for(request: HttpRequest, pk: int) -> Consultation:
    """What is not one's own to see does not exist."""
    return get_object_or_404(Consultation.objects.for_user(request.user), pk=pk)


def own_consultation_for(request: HttpRequest, pk: int) -> Consultation:
    """To read is not to change: who was asked to rate it finds nothing here."""
    return get_object_or_404(Consultation.objects.filter(user=user_of(request)), pk=pk)


def whole_consultation_for(request: HttpRequest, pk: int) -> Consultation:
    rows = Consultation.objects.for_user(request.user).select_related("user")
    return get_object_or_404(
        rows.prefetch_related(
            "images",
            "steps",
            "own_diagnoses",
            Prefetch("evidence", Evidence.objects.select_related("image")),
            "answers__diagnoses__statements__citations",
        ),
        pk=pk,
    )


def listed(rows: QuerySet[Consultation]) -> QuerySet[Consultation]:
    """Rows with what a list shows: the first diagnosis that stands, how many images there were, and whether a source
    was recalled since. Of an answer that is withheld, nothing."""
    first = (
        Diagnosis.objects.filter(answer__consultation=OuterRef("pk"))
        .exclude(answer__consultation__commit_first=True, answer__consultation__committed__isnull=True)
        .filter(statements__support__in=[Support.SUPPORTED, Support.PARTLY])
        .order_by("answer", "rank")
        .values("name")[:1]
    )
    images = ConsultationImage.objects.filter(consultation=OuterRef("pk")).order_by().values("consultation")
    counted = Coalesce(Subquery(images.annotate(count=Count("pk")).values("count")), 0)
    recalled = (
        Evidence.objects.filter(consultation=OuterRef("pk"), item__isnull=False, citations__isnull=False)
        .exclude(item__recalled="")
        .exclude(consultation__commit_first=True, consultation__committed__isnull=True)
    )
    return rows.select_related("user").annotate(
        first_diagnosis=Subquery(first), image_count=counted, cites_recalled=Exists(recalled)
    )


def listed_only(keys: QuerySet[Consultation, int] | Sequence[int]) -> QuerySet[Consultation]:
    """The same for some rows, whose keys were found before: what a list shows is asked of no other row."""
    return listed(Consultation.objects.filter(pk__in=keys))


def searched(rows: ConsultationQuerySet, wanted: Mapping[str, Any]) -> QuerySet[Consultation]:
    """A filter tells nothing of an answer that is withheld: neither what it names, nor whether there is one."""
    if words := wanted.get("q"):
        for word in words.split():
            rows = rows.filter(_word(rows, word))
    if wanted.get("status"):
        rows = rows.filter(status=wanted["status"])
        if wanted["status"] in (Status.DONE, Status.ABSTAINED):
            rows = rows.revealed()
    if wanted.get("since"):
        rows = rows.filter(created__date__gte=wanted["since"])
    if wanted.get("until"):
        rows = rows.filter(created__date__lte=wanted["until"])
    return rows.filter(pk__in=ConsultationImage.objects.values("consultation")) if wanted.get("images") else rows


def _word(rows: QuerySet[Consultation], word: str) -> Q:
    number = whole_number(word.lower().removeprefix("#").removeprefix("c-"))
    by_number = Q() if number is None else Q(pk=number)
    shown = Diagnosis.objects.filter(answer__consultation__in=Consultation.objects.revealed())
    diagnosed = shown.filter(name__icontains=word).values("answer__consultation")
    return Q(pk__in=_saying(rows, word)) | Q(pk__in=diagnosed) | by_number


def _saying(rows: QuerySet[Consultation], word: str) -> list[int]:
    """The text is encrypted, so that the database cannot look into it: it is read row by row."""
    texts = rows.order_by().values_list("pk", "history", "exam", "findings").iterator(chunk_size=500)
    wanted = word.casefold()
    return [pk for pk, *parts in texts if any(wanted in part.casefold() for part in parts)]


def unfinished(user: User) -> QuerySet[Consultation]:
    """What is still worked on, and what waits for one's own differential."""
    return Consultation.objects.filter(user=user).filter(~Q(status__in=FINISHED) | OWN_FIRST)


def awaiting_feedback(user: User) -> QuerySet[Consultation]:
    return Consultation.objects.filter(user=user, status=Status.DONE, feedback__isnull=True).revealed()


def quarantined(consultation: Consultation) -> set[int]:
    """Evidence, by its key, whose source was put into quarantine after it was found."""
    rows = consultation.evidence.filter(in_quarantine("item__") | in_quarantine_by_name())
    return set(rows.order_by().values_list("pk", flat=True))
