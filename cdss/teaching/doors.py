"""The other ways to an answer that is still to be found, and how they are closed while it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin

from cdss.accounts.models import Role, User
from cdss.audit.services import record
from cdss.consultations.models import Consultation, Evidence
from cdss.drills.models import DrillRun
from cdss.teaching.models import Attempt, Question, QuizRun

# Routes whose first number is a case, and those whose first number is a consultation that may have read one.
CASE_ROUTES = frozenset({"library:item", "library:case", "library:publish", "library:unpublish",
                         "consultations:from_case"})  # fmt: skip
CONSULTATION_ROUTES = ("consultations:", "feedback:")
HELD_BACK = "That holds the answer to a case you are working on. Commit to a diagnosis, or give up, first."


def veiled_cases(user: User) -> Iterable[int]:
    """Of the attempts and quizzes this person has begun and not handed in."""
    runs = QuizRun.objects.for_user(user).open().values("version")
    asked = Question.objects.filter(version__in=runs, case__isnull=False).order_by().values_list("case_id", flat=True)
    # One query: every list and search asks this.
    tried = Attempt.objects.for_user(user).open().order_by().values_list("case_id", flat=True)
    return {pk for pk in tried.union(asked) if pk is not None}


class UnknownCaseMiddleware(MiddlewareMixin):
    """Lists and searches leave a veiled case out (cdss/library/veils.py); a page about one leads back to it."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        user, name = request.user, request.resolver_match.view_name if request.resolver_match else ""
        if isinstance(user, User) and user.role == Role.LEARNER and name == "consultations:start":
            return redirect("teaching:home")
        if not isinstance(user, User) or not _may_hold(name, kwargs):
            return None
        hidden = set(veiled_cases(user))
        if not hidden or not _holds(name, kwargs["pk"], hidden):
            return None
        record(action="teaching.door_closed", by=user, details={"route": name, "object": kwargs["pk"]})
        messages.info(request, HELD_BACK)
        return redirect(_way_back(user, kwargs["pk"] if name in CASE_ROUTES else 0))


def _may_hold(name: str, kwargs: Mapping[str, Any]) -> bool:
    return "pk" in kwargs and (name in CASE_ROUTES or name == "drills:run" or name.startswith(CONSULTATION_ROUTES))


def _holds(name: str, pk: int, hidden: set[int]) -> bool:
    if name in CASE_ROUTES:
        return pk in hidden
    read = Evidence.objects.filter(item__in=hidden)
    if name == "drills:run":
        return DrillRun.objects.filter(pk=pk, drill__consultation__in=read.values("consultation")).exists()
    return read.filter(consultation=pk).exists() or _is_about(pk, hidden)


def _is_about(pk: int, hidden: set[int]) -> bool:
    """A case was made of this consultation."""
    return Consultation.objects.filter(pk=pk, case_draft__case__in=hidden).exists()


def _way_back(user: User, case: int) -> Any:
    rows = Attempt.objects.for_user(user).open()
    attempt = rows.filter(case=case).first() if case else rows.first()
    return attempt or QuizRun.objects.for_user(user).open().first() or "teaching:home"
