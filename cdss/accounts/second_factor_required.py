"""Who needs a second factor and has none may do nothing but set one up."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin

from cdss.accounts.adapters import PROVIDER_SECOND_FACTOR
from cdss.accounts.models import User

# What is needed to set one up, and to leave.
OPEN = frozenset(
    {
        "accounts:sign_in",
        "accounts:sign_out",
        "accounts:password",
        "account_login",
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
)


class SecondFactorMiddleware(MiddlewareMixin):
    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in OPEN or not needs_one(request):
            return None
        messages.warning(request, "Your role needs a second factor. Set up an authenticator app or a passkey first.")
        return redirect("mfa_index")


def needs_one(request: HttpRequest) -> bool:
    user = request.user
    if not isinstance(user, User) or user.role not in settings.MFA_ROLES:
        return False
    if request.session.get(PROVIDER_SECOND_FACTOR):
        return False
    return not Authenticator.objects.filter(user=user, type__in=("totp", "webauthn")).exists()
