"""Who may do what. Which objects a person may see is the matter of each `QuerySet.for_user`."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest

from cdss.accounts.models import Role, User

View = TypeVar("View", bound=Callable[..., Any])
REFUSAL = "Your role does not allow this. An administrator can change it."


class Action(models.TextChoices):
    BROWSE_LIBRARY = "browse_library", "Read and search the library"
    CONSULT = "consult", "Ask for a consultation"
    VIEW_CONSULTATIONS = "view_consultations", "Open consultations"
    VIEW_ALL_CONSULTATIONS = "view_all_consultations", "Open the consultations of others"
    GIVE_FEEDBACK = "give_feedback", "Give feedback on one's own consultations and on those one is asked to rate"
    LEARN = "learn", "Answer unknown cases and quizzes"
    TEACH = "teach", "Start drills, make quizzes and courses"
    READ_DRILLS = "read_drills", "Read how drills went"
    IMPORT = "import", "Add to the library"
    AUTHOR = "author", "Write cases and hand them in for review"
    REVIEW = "review", "Review cases of others"
    SHARE = "share", "Make collections and share them"
    PUBLISH = "publish", "Publish and withdraw what the library holds"
    QUARANTINE = "quarantine", "Put a source of the library into quarantine"
    EXPORT_FEEDBACK = "export_feedback", "Read and export all feedback"
    VIEW_AUDIT = "view_audit", "Read, verify and export the audit trail"
    VIEW_EVALUATION = "view_evaluation", "Read how good the answers were measured to be"
    PROMOTE_RANKING = "promote_ranking", "Promote learned ranking weights and roll them back"
    MANAGE_USERS = "manage_users", "Create accounts and change roles"
    LOCK_SITE = "lock_site", "Lock the site to text, to education or to reading"
    OPERATE = "operate", "See whether the index is whole and up to date, and have it checked"
    ERASE = "erase", "Export and erase what is held of a patient"


ROLE_ACTIONS: dict[str, frozenset[Action]] = {
    Role.CLINICIAN: frozenset(
        {
            Action.BROWSE_LIBRARY,
            Action.CONSULT,
            Action.VIEW_CONSULTATIONS,
            Action.GIVE_FEEDBACK,
            Action.AUTHOR,
            Action.LEARN,
        }
    ),
    Role.EDUCATOR: frozenset(
        {
            Action.BROWSE_LIBRARY,
            Action.CONSULT,
            Action.VIEW_CONSULTATIONS,
            Action.GIVE_FEEDBACK,
            Action.LEARN,
            Action.TEACH,
            Action.READ_DRILLS,
            Action.IMPORT,
            Action.AUTHOR,
            Action.REVIEW,
            Action.SHARE,
            Action.PUBLISH,
            Action.QUARANTINE,
            Action.VIEW_EVALUATION,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Action.BROWSE_LIBRARY,
            Action.VIEW_CONSULTATIONS,
            Action.VIEW_ALL_CONSULTATIONS,
            Action.EXPORT_FEEDBACK,
            Action.READ_DRILLS,
            Action.VIEW_AUDIT,
            Action.VIEW_EVALUATION,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Action.BROWSE_LIBRARY,
            Action.IMPORT,
            Action.AUTHOR,
            Action.REVIEW,
            Action.SHARE,
            Action.PUBLISH,
            Action.QUARANTINE,
            Action.VIEW_EVALUATION,
            Action.PROMOTE_RANKING,
            Action.MANAGE_USERS,
            Action.LOCK_SITE,
            Action.OPERATE,
            Action.ERASE,
        }
    ),
    # Sent by a learning platform, or here to learn alone: nothing but what is asked of them.
    Role.LEARNER: frozenset({Action.LEARN}),
}


def may(user: User | AnonymousUser, action: Action) -> bool:
    return isinstance(user, User) and user.is_active and action in ROLE_ACTIONS.get(user.role, frozenset())


def user_of(request: HttpRequest) -> User:
    """Whose request it is, where the view has let in nobody else; to anyone it is not there."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def allowed_actions(user: User | AnonymousUser) -> frozenset[Action]:
    return frozenset(action for action in Action if may(user, action))


def require(action: Action) -> Callable[[View], View]:
    """A view, or an async view, that answers 403 to who may not do this."""

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @wraps(view)
            async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                if not may(await request.auser(), action):
                    raise PermissionDenied(REFUSAL)
                return await view(request, *args, **kwargs)

            return cast(View, guarded_async)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not may(request.user, action):
                raise PermissionDenied(REFUSAL)
            return view(request, *args, **kwargs)

        return cast(View, guarded)

    return decorate
