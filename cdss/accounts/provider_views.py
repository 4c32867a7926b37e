"""Sign-in at the organisation's identity provider (OpenID Connect, authorisation code with PKCE)."""

from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class ProviderConnection(OpenIDConnectOAuth2Adapter):
    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, object]:
        """The signature is verified although the token came from the provider itself."""
        if jwtkit.jwt.get_unverified_header(id_token).get("alg") not in SIGNATURES:
            raise jwtkit.OAuth2Error("The identity token is not signed with a public key.")
        token: dict[str, object] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=settings.OIDC_ISSUER,
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        return token


@login_not_required
@require_POST
@never_cache
def provider_sign_in(request: HttpRequest, provider_id: str) -> HttpResponse:
    if not settings.SOCIALACCOUNT_PROVIDERS:
        raise Http404
    try:
        response: HttpResponse = OAuth2LoginView.adapter_view(ProviderConnection(request, provider_id))(request)
    except (RequestException, KeyError, ValueError):
        messages.error(request, "Your organisation's sign-in cannot be reached. Try again, or use a password.")
        return redirect("accounts:sign_in")
    return response


@login_not_required
@require_GET
@never_cache
def provider_answer(request: HttpRequest, provider_id: str) -> HttpResponse:
    if not settings.SOCIALACCOUNT_PROVIDERS:
        raise Http404
    try:
        with transaction.atomic():
            response: HttpResponse = OAuth2CallbackView.adapter_view(ProviderConnection(request, provider_id))(request)
    except (jwtkit.jwt.PyJWTError, KeyError, ValueError):
        messages.error(request, "The sign-in at your organisation did not succeed. Try again, or use a password.")
        return redirect("accounts:sign_in")
    return response
