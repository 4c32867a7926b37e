"""Names that allauth looks up. Of its routes these alone are served."""

from django.urls import path

from cdss.accounts import provider_views, second_factor, views
from cdss.read_only import works_when_read_only

OIDC = {"provider_id": "oidc"}
provider_answer = works_when_read_only(provider_views.provider_answer)
urlpatterns = [
    path("sign-in/", works_when_read_only(views.SignInView.as_view()), name="account_login"),
    path("sign-in/code/", works_when_read_only(second_factor.Authenticate.as_view()), name="mfa_authenticate"),
    path("sign-in/passkey/", works_when_read_only(second_factor.PasskeySignIn.as_view()), name="mfa_login_webauthn"),
    path("sign-in/provider/", works_when_read_only(provider_views.provider_sign_in), OIDC, name="openid_connect_login"),
    path(
        "sign-in/provider/answer/",
        works_when_read_only(provider_views.provider_answer),
        OIDC,
        name="openid_connect_callback",
    ),
    path("confirm/", second_factor.Confirm.as_view(), name="account_reauthenticate"),
    path("confirm/code/", second_factor.ConfirmCode.as_view(), name="mfa_reauthenticate"),
    path("confirm/passkey/", second_factor.ConfirmPasskey.as_view(), name="mfa_reauthenticate_webauthn"),
    path("me/factors/", second_factor.Index.as_view(), name="mfa_index"),
    path("me/factors/app/", second_factor.AppAdd.as_view(), name="mfa_activate_totp"),
    path("me/factors/app/remove/", second_factor.AppRemove.as_view(), name="mfa_deactivate_totp"),
    path("me/factors/codes/", second_factor.Codes.as_view(), name="mfa_view_recovery_codes"),
    path("me/factors/codes/new/", second_factor.CodesNew.as_view(), name="mfa_generate_recovery_codes"),
    path("me/factors/passkeys/new/", second_factor.PasskeyAdd.as_view(), name="mfa_add_webauthn"),
    path("me/factors/passkeys/<id:pk>/remove/", second_factor.PasskeyRemove.as_view(), name="mfa_remove_webauthn"),
]
