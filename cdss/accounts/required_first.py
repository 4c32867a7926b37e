"""What has to be done before anything else: a password that nobody else knows, then the second factor of the role."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin

from cdss.accounts.adapters import PROVIDER_SECOND_FACTOR
from cdss.accounts.models import User

LEAVING = frozenset({"accounts:sign_in", "accounts:sign_out", "account_login"})
OPEN_FOR_A_PASSWORD = LEAVING | {"accounts:password"}
OPEN_FOR_A_SECOND_FACTOR = OPEN_FOR_A_PASSWORD | {
    "account_reauthenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_view_recovery_codes",
    "openid_connect_login",
    "openid_connect_callback",
}


class RequiredFirstMiddleware(MiddlewareMixin):
    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if needs_own_password(request):
            if name in OPEN_FOR_A_PASSWORD:
                return None
            messages.warning(request, "Somebody else has seen your password. Choose one of your own first.")
            return redirect("accounts:password")
        if name in OPEN_FOR_A_SECOND_FACTOR or not needs_second_factor(request):
            return None
        messages.warning(request, "Your role needs a second factor. Set up an authenticator app or a passkey first.")
        return redirect("mfa_index")


def needs_own_password(request: HttpRequest) -> bool:
    """Who comes by the organisation's sign-in has typed no password of this site."""
    user = request.user
    return isinstance(user, User) and user.password_is_anothers and PROVIDER_SECOND_FACTOR not in request.session


def needs_second_factor(request: HttpRequest) -> bool:
    user = request.user
    if not isinstance(user, User) or user.role not in settings.MFA_ROLES:
        return False
    if request.session.get(PROVIDER_SECOND_FACTOR):
        return False
    return not Authenticator.objects.filter(user=user, type__in=("totp", "webauthn")).exists()
