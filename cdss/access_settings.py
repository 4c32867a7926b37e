"""Settings of sign-in: lockout, second factors, an identity provider. Read by cdss.settings."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from cdss import env

ROLES = ("clinician", "educator", "auditor", "administrator", "learner")
APPS = [
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "axes",
]
SESSION_ENGINE = "cdss.accounts.session_store"
# The first refuses an account and address that are locked; it signs nobody in.
AUTHENTICATION_BACKENDS = ["cdss.accounts.lockout.LockoutBackend", "django.contrib.auth.backends.ModelBackend"]

# Length, what is known or easily guessed, and nothing about kinds of characters.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "cdss.accounts.passwords.GuessableValidator"},
]

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_HANDLER = "cdss.accounts.lockout.LockoutHandler"
AXES_USERNAME_CALLABLE = "cdss.accounts.lockout.hashed_username"
AXES_CLIENT_IP_CALLABLE = "cdss.accounts.lockout.address_of"
AXES_LOCKOUT_CALLABLE = "cdss.accounts.lockout.locked_page"

ACCOUNT_ADAPTER = "cdss.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
# A wrong password is counted by axes, in the database; these are for what has no password.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "10/5m/key", "reauthenticate": "20/m/user"}

MFA_ADAPTER = "cdss.accounts.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "login_webauthn": "cdss.accounts.passkey_forms.SignInPasskeyForm",
    "authenticate_webauthn": "cdss.accounts.passkey_forms.SecondStepPasskeyForm",
    "reauthenticate_webauthn": "cdss.accounts.passkey_forms.ConfirmPasskeyForm",
    "add_webauthn": "cdss.accounts.passkey_forms.AddPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "CDSS"
MFA_WEBAUTHN_USER_VERIFICATION = "required"

MFA_ROLES = env.subset("CDSS_MFA_ROLES", "", ROLES)

OIDC_ISSUER = env.text("CDSS_OIDC_ISSUER").rstrip("/")
OIDC_NAME = env.text("CDSS_OIDC_NAME", "your organisation's account")
OIDC_ROLE_CLAIM = env.text("CDSS_OIDC_ROLE_CLAIM", "roles")
OIDC_ROLES = env.pairs("CDSS_OIDC_ROLES", ROLES)
OIDC_ALLOWED_HOSTS = env.words("CDSS_OIDC_ALLOWED_HOSTS") or [urlsplit(OIDC_ISSUER).netloc or "localhost"]


def provider() -> dict[str, object]:
    """The identity provider, if there is one."""
    if not OIDC_ISSUER:
        return {}
    client = env.text("CDSS_OIDC_CLIENT_ID")
    if not client or not OIDC_ROLES:
        raise ImproperlyConfigured("CDSS_OIDC_ISSUER needs CDSS_OIDC_CLIENT_ID and CDSS_OIDC_ROLES beside it.")
    app = {
        "provider_id": "oidc",
        "name": OIDC_NAME,
        "client_id": client,
        "secret": env.text("CDSS_OIDC_CLIENT_SECRET"),
        "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


SOCIALACCOUNT_ADAPTER = "cdss.accounts.adapters.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = provider()
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
# A browser follows a form's redirect only to what its policy names.
OIDC_FORM_ACTION = [f"{urlsplit(OIDC_ISSUER).scheme}://{urlsplit(OIDC_ISSUER).netloc}"] if OIDC_ISSUER else []
