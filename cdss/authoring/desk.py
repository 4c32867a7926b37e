"""What other rooms ask of a case that is being written, and tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.authoring.checklist import PIXELS_SEEN, tick_falls
from cdss.authoring.models import Manuscript, cases_editable_by
from cdss.authoring.pictures import picture_store
from cdss.authoring.services import AuthoringError, manuscript_open, manuscript_touch
from cdss.library.models import Case, State
from cdss.library.writing import CaseClosedError

if TYPE_CHECKING:
    from cdss.library.intake import IntakeImage

CLOSED = (State.REVIEW, State.RETIRED)


class AuthoringDesk:
    def writable(self, user: User) -> QuerySet[Case]:
        closed = Manuscript.objects.filter(stage__in=CLOSED).values("case")
        return cases_editable_by(user).exclude(state__in=CLOSED).exclude(pk__in=closed)

    def readable(self, user: User) -> QuerySet[Case]:
        return Case.objects.filter(pk__in=Manuscript.objects.for_user(user).order_by().values("case"))

    def authored(self, user: User) -> QuerySet[Case]:
        if not may(user, Action.AUTHOR):
            return Case.objects.none()
        together = Manuscript.co_authors.through.objects.filter(user=user).values("manuscript__case")
        return Case.objects.filter(Q(owner=user) | Q(pk__in=together))

    def changed(self, *, case: Case, by: User, note: str) -> None:
        try:
            manuscript = manuscript_open(case=case, by=by)
            manuscript_touch(manuscript=manuscript, by=by, note=note)
        except AuthoringError as error:
            raise CaseClosedError(str(error)) from error
        tick_falls(manuscript=manuscript, item=PIXELS_SEEN)

    def picture(self, *, case: Case, image: IntakeImage, caption: str, by: User) -> None:
        try:
            manuscript = manuscript_open(case=case, by=by)
            picture_store(manuscript=manuscript, image=image, by=by, caption=caption, key=True)
        except AuthoringError as error:
            raise CaseClosedError(str(error)) from error
