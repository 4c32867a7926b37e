"""Colleagues who are asked to rate a consultation."""

from django.db import transaction
from django.urls import reverse

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.services import record
from cdss.consultations.models import Consultation, RaterInvitation, Status
from cdss.library.models import LibraryItem
from cdss.notices.models import Kind
from cdss.notices.services import notify

MOST_RATERS = 50


class RatingError(ValueError):
    """An invitation that cannot be made; the message is for who made it."""


@transaction.atomic
def rater_invite(*, consultation: Consultation, by: User, username: str) -> None:
    """Lets a colleague read the consultation and speak of it. They are told; inviting again changes nothing."""
    if consultation.user_id != by.pk:
        raise RatingError("Only who asked for the consultation can ask others to rate it.")
    if consultation.is_withheld or consultation.status not in (Status.DONE, Status.ABSTAINED):
        raise RatingError("There is no answer to rate yet.")
    rater = User.objects.filter(username__iexact=username.strip(), is_active=True).exclude(pk=by.pk).first()
    if rater is None or not may(rater, Action.GIVE_FEEDBACK):
        raise RatingError("No colleague of this user name may give feedback.")
    if not may_read_its_sources(consultation, rater):
        raise RatingError("It rests on library items this colleague may not read.")
    if consultation.invitations.count() >= MOST_RATERS:
        raise RatingError(f"At most {MOST_RATERS} colleagues rate one consultation.")
    _, new = RaterInvitation.objects.get_or_create(consultation=consultation, rater=rater)
    if not new:
        return
    record(action="consultation.rater_invited", by=by, obj=consultation, details={"rater": rater.username})
    notify(
        kind=Kind.RATE,
        recipients=[rater],
        text=f"{by} asks you to rate {consultation}.",
        path=reverse("consultations:detail", args=[consultation.pk]),
        key=f"rate:{consultation.pk}",
        obj=consultation,
    )


def may_read_its_sources(consultation: Consultation, reader: User) -> bool:
    cited = set(consultation.evidence.filter(item__isnull=False).values_list("item_id", flat=True))
    return LibraryItem.objects.for_user(reader).filter(pk__in=cited).count() == len(cited)
