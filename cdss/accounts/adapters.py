"""Where allauth asks the site: what a sign-in leads to, how secrets are kept, whom an identity provider lets in."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from cdss.accounts import services
from cdss.accounts.identity_provider import RefusedByProviderError, role_of, second_factor_was_used
from cdss.accounts.models import Role, User
from cdss.accounts.open_sessions import SINCE, note_use
from cdss.accounts.sealing import seal, unseal

# Where each role starts; the others start where LOGIN_REDIRECT_URL says.
FIRST_PAGES = {Role.AUDITOR: "audit:list", Role.ADMINISTRATOR: "accounts:users"}
PROVIDER_SECOND_FACTOR = "provider_second_factor"


def first_page(user: User) -> str:
    return resolve_url(FIRST_PAGES.get(Role(user.role), settings.LOGIN_REDIRECT_URL))


def methods_used(request: HttpRequest, user: User) -> list[str]:
    """How this session was signed in: password, mfa:totp, mfa:webauthn, mfa:recovery_codes, socialaccount."""
    records = get_authentication_records(request, user)
    return [":".join(filter(None, (row["method"], row.get("type", "")))) for row in records]


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return first_page(request.user)  # type: ignore[arg-type]

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        request.session.pop(SINCE, None)
        note_use(request)
        services.signed_in(user=user, methods=methods_used(request, user))
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, "This account may not sign in. An administrator can change that.")
        return redirect("accounts:sign_in")

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Our views say what was done in our own words; a refusal is passed on."""
        if level >= messages.ERROR:
            super().add_message(request, level, *args, **kwargs)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The site sends no mail: the audit trail and the account page tell of every change."""


class SecondFactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """Without the XML declaration, which has no place inside a page."""
        return super().build_totp_svg(url).partition("?>")[2]

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def _get_user_identifier(self, user: Any) -> str:
        return str(user.get_username())


class ProviderAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """A role or no entrance; of what the provider tells of a person nothing more is kept than the account holds."""
        claims = {**sociallogin.account.extra_data.get("id_token", {})}
        claims |= sociallogin.account.extra_data.get("userinfo", {})
        known = sociallogin.user if sociallogin.is_existing else None
        sociallogin.account.extra_data, sociallogin.email_addresses = {}, []
        if known:
            sociallogin.account.save(update_fields=["extra_data"])
        try:
            role = role_of(claims)
        except RefusedByProviderError as error:
            services.refused_by_provider(user=known, reason=error.reason)
            messages.error(request, str(error))
            raise ImmediateHttpResponse(redirect("accounts:sign_in")) from error
        if known:
            sociallogin.user = services.role_from_provider(user=known, role=role)
        else:
            sociallogin.user.role = role
        request.session[PROVIDER_SECOND_FACTOR] = second_factor_was_used(claims)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        services.account_from_provider(user=user)
        return user

    def get_requests_session(self) -> Any:
        from cdss.accounts.provider_session import provider_session

        return provider_session()

    def on_authentication_error(self, request: HttpRequest, provider: Any, *args: Any, **kwargs: Any) -> None:
        services.refused_by_provider(user=None, reason="no_answer")
        messages.error(request, "The sign-in at your organisation did not succeed. Try again, or use a password.")
        raise ImmediateHttpResponse(redirect("accounts:sign_in"))
