"""The end of a session is moved on by what a person does, not by what a page asks for by itself."""

import time

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from cdss.accounts.open_sessions import SEEN, SINCE, note_use

# A session is written at most this often, so that reading costs no writes.
EVERY_SECONDS = 60
# Asked for again and again while a page stays open.
BY_THE_PAGE = frozenset({"consultations:status", "consultations:progress", "studies:upload_progress"})


class IdleLogOffMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        since = request.session.get(SINCE)
        if since and time.time() - since > settings.SESSION_MAX_SECONDS:
            logout(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        match, user = request.resolver_match, request.user
        if match and match.view_name not in BY_THE_PAGE and user.is_authenticated:
            now = int(time.time())
            signed_in = int(user.last_login.timestamp()) if user.last_login else 0
            if now - request.session.get(SEEN, signed_in) >= EVERY_SECONDS:
                note_use(request)
        return response
