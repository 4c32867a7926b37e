"""The main parts of the site, for those who may enter them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from cdss.accounts.permissions import Action, may


@dataclass(frozen=True, slots=True)
class Part:
    label: str
    url_name: str
    action: Action

    @property
    def app(self) -> str:
        return self.url_name.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    url: str
    is_current: bool


PARTS = (
    Part("Consultations", "consultations:list", Action.VIEW_CONSULTATIONS),
    Part("Library", "library:list", Action.BROWSE_LIBRARY),
    Part("Authoring", "authoring:list", Action.AUTHOR),
    Part("Learn", "teaching:home", Action.LEARN),
    Part("Feedback", "feedback:list", Action.EXPORT_FEEDBACK),
    Part("Evaluation", "evaluation:list", Action.VIEW_EVALUATION),
    Part("Ranking", "learning:list", Action.VIEW_EVALUATION),
    Part("Accounts", "accounts:users", Action.MANAGE_USERS),
    Part("Oversight", "oversight:dashboard", Action.VIEW_AUDIT),
    Part("Modes", "locks:modes", Action.LOCK_SITE),
    Part("Index", "indexing:state", Action.OPERATE),
    Part("Privacy", "privacy:subject", Action.ERASE),
    Part("Audit", "audit:list", Action.VIEW_AUDIT),
)
# The page a consultation starts on is nobody's entry: the name of the site leads there.
STARTS = ("consultations:start",)


def navigation(request: HttpRequest) -> dict[str, list[Entry]]:
    user = getattr(request, "user", None)
    return {"navigation": list(_entries(request)) if user else []}


def _entries(request: HttpRequest) -> Iterator[Entry]:
    match = request.resolver_match
    here = match.app_name if match and match.view_name not in STARTS else ""
    for part in PARTS:
        if may(request.user, part.action):
            yield Entry(part.label, reverse(part.url_name), part.app == here)
