"""Pages of second factors: allauth's steps, our words, every act in the audit trail."""

from typing import Any, cast

from allauth.account import views as account_views
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.base import views as base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from cdss.accounts import services
from cdss.accounts.lockout import count_failure, is_locked
from cdss.accounts.models import User
from cdss.accounts.permissions import user_of

METHODS = ["get", "head", "post", "options"]


def changed(request: HttpRequest, act: str, kind: str) -> None:
    """The sessions of the account end; this one goes on under a new key."""
    user = user_of(request)
    services.second_factor_changed(user=user, act=act, kind=kind)
    user.refresh_from_db()
    update_session_auth_hash(request, user)


class _Locked:
    """Wrong codes count towards the lock of the account and address, as wrong passwords do."""

    request: HttpRequest

    def _user(self) -> User:
        return cast(User, self.request.user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_locked(request, self._user()):
            return HttpResponse()
        return super().post(request, *args, **kwargs)  # type: ignore[misc,no-any-return]

    def form_invalid(self, form: Any) -> HttpResponse:
        count_failure(request=self.request, user=self._user())
        services.code_failed(user=self._user())
        return super().form_invalid(form)  # type: ignore[misc,no-any-return]


class Authenticate(_Locked, base.AuthenticateView):
    """The second step of a sign-in."""

    http_method_names = METHODS
    template_name = "accounts/second_factor.html"

    def _user(self) -> User:
        return cast(User, self.stage.login.user)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        kinds = set(Authenticator.objects.filter(user=self._user()).values_list("type", flat=True))
        return context | {"has_passkey": "webauthn" in kinds, "has_code": bool(kinds & {"totp", "recovery_codes"})}


@method_decorator([never_cache, login_not_required], name="dispatch")
class PasskeySignIn(webauthn.LoginWebAuthnView):
    """GET gives the browser its challenge, POST takes the answer."""

    http_method_names = METHODS

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        services.sign_in_failed(username="", address=self.request.META.get("REMOTE_ADDR", ""))
        return super().form_invalid(form)


class _Returning:
    """Where one was going before one was asked."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        return context | {"next": get_next_redirect_url(self.request) or ""}


class Confirm(_Returning, _Locked, account_views.ReauthenticateView):
    """The password again, before anything about signing in is changed."""

    http_method_names = METHODS
    template_name = "accounts/confirm.html"
    extra_context = {"what": "your password"}


class ConfirmCode(_Returning, _Locked, base.ReauthenticateView):
    http_method_names = METHODS
    template_name = "accounts/confirm.html"
    extra_context = {"what": "a code of your authenticator app"}


class ConfirmPasskey(_Returning, _Locked, webauthn.ReauthenticateWebAuthnView):
    http_method_names = METHODS
    template_name = "accounts/confirm_passkey.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        super().form_invalid(form)
        return self.render_to_response(self.get_context_data(form=form))


class Index(base.IndexView):
    http_method_names = ["get", "head", "options"]
    template_name = "accounts/second_factors.html"


class AppAdd(_Locked, totp.ActivateTOTPView):
    http_method_names = METHODS
    template_name = "accounts/app_add.html"

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        changed(self.request, "added", "totp")
        messages.success(self.request, "Your authenticator app is set up. Your other sessions have ended.")
        return response


class AppRemove(totp.DeactivateTOTPView):
    http_method_names = METHODS
    template_name = "accounts/factor_remove.html"
    extra_context = {"what": "your authenticator app"}

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        changed(self.request, "removed", "totp")
        messages.success(self.request, "Your authenticator app is removed.")
        return response


@method_decorator(never_cache, name="dispatch")
class Codes(recovery_codes.ViewRecoveryCodesView):
    """Shown once: the page marks them as seen."""

    http_method_names = ["get", "head", "options"]
    template_name = "accounts/recovery_codes.html"


class CodesNew(recovery_codes.GenerateRecoveryCodesView):
    http_method_names = METHODS
    template_name = "accounts/recovery_codes_new.html"

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        changed(self.request, "renewed", "recovery_codes")
        return response


class PasskeyAdd(webauthn.AddWebAuthnView):
    http_method_names = METHODS
    template_name = "accounts/passkey_add.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """A key that can sign in by itself: it asks for a finger, a face or a PIN."""
        from allauth.mfa.webauthn.internal import auth

        context = super().get_context_data(**kwargs)
        return context | {
            "js_data": {"creation_options": auth.begin_registration(self.request.user, passwordless=True)}
        }

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        changed(self.request, "added", "webauthn")
        messages.success(self.request, "Your passkey is set up. Your other sessions have ended.")
        return response


class PasskeyRemove(webauthn.RemoveWebAuthnView):
    http_method_names = METHODS
    template_name = "accounts/factor_remove.html"
    success_url = reverse_lazy("mfa_index")
    extra_context = {"what": "this passkey"}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Whose it is comes before the password is asked for.
        get_object_or_404(self.get_queryset(), pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        changed(self.request, "removed", "webauthn")
        messages.success(self.request, "The passkey is removed.")
        return response

    def get_success_url(self) -> str:
        return reverse("mfa_index")
