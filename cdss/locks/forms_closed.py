"""Pages of a site that is read-only: nothing on them can be filled in that would be refused."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve

# Pages that are a form and nothing else, and what it would do.
FORM_PAGES = {
    "consultations:new": "No consultation is begun",
    "library:import": "Nothing is imported",
    "authoring:new": "No case is written",
    "authoring:import": "Nothing is imported",
    "authoring:collection_new": "No collection is made",
    "studies:upload": "No study is uploaded",
    "drills:new": "No drill is begun",
    "accounts:user_new": "No account is made",
    "accounts:group_new": "No group is made",
    "teaching:question_new": "No question is written",
}
_FORM = re.compile(r"<form\b[^>]*>|</form>")
_BUTTON = re.compile(r'<a (?=class="button[^>]*\shref="([^"?#]*))')
_ACTION = re.compile(r'\saction="([^"?#]*)')


def is_page(response: HttpResponse) -> bool:
    whole = not response.streaming and response.status_code == 200
    return whole and response.headers.get("Content-Type", "").startswith("text/html")


def without_forms(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A page of nothing but a form says so; on others, what would be refused is there to be read and cannot be sent."""
    match = request.resolver_match
    if match and match.view_name in FORM_PAGES:
        return render(request, "locks/closed.html", {"what": FORM_PAGES[match.view_name]})
    response.content = _closed(response.content.decode(response.charset), request.path)
    return response


def _closed(page: str, here: str) -> str:
    is_closed = False

    def closing(match: re.Match[str]) -> str:
        nonlocal is_closed
        tag = match.group()
        if tag == "</form>":
            was, is_closed = is_closed, False
            return "</fieldset></form>" if was else tag
        is_closed = 'method="post"' in tag and not _goes_on(tag, here)
        return f'{tag}<fieldset class="closed" disabled>' if is_closed else tag

    return _BUTTON.sub(_hidden_where_closed, _FORM.sub(closing, page))


def _hidden_where_closed(match: re.Match[str]) -> str:
    try:
        return "<a hidden " if resolve(match[1]).view_name in FORM_PAGES else match.group()
    except Resolver404:
        return match.group()


def _goes_on(tag: str, here: str) -> bool:
    """Signing out, the lock itself, and what writes nothing."""
    action = _ACTION.search(tag)
    try:
        view = resolve((action[1] if action else "") or here).func
    except Resolver404:
        return False
    return getattr(view, "works_when_read_only", False)
