"""What somebody was not allowed to do is in the trail too: by whom and where, never what for."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from cdss.accounts.models import User
from cdss.audit.services import record


class RefusalMiddleware(MiddlewareMixin):
    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        if isinstance(error, PermissionDenied):
            user = request.user if isinstance(request.user, User) else None
            route = request.resolver_match.view_name if request.resolver_match else ""
            record(action="access.refused", by=user, details={"route": route, "method": request.method})
