from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from cdss import access_settings, env
from cdss.access_settings import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
CDSS_HOME = env.folder("CDSS_HOME", BASE_DIR / "var")
MEDIA_ROOT = CDSS_HOME / "media"
MODELS_ROOT = CDSS_HOME / "models"
INDEX_ROOT = CDSS_HOME / "indexes"
DEMO_ROOT = BASE_DIR / "fixtures"

DEBUG = env.boolean("DEBUG", False)
# Plain HTTP is for one machine trying the product out; production keeps the default.
HTTPS = env.boolean("CDSS_HTTPS", True)


def secret_key() -> str:
    """The site's key from the environment, else one made once and kept in CDSS_HOME, readable by its owner only."""
    if value := env.text("SECRET_KEY"):
        return value
    path = CDSS_HOME / "secret_key"
    if not path.exists():
        from django.core.management.utils import get_random_secret_key

        with env.writing("CDSS_HOME", CDSS_HOME):
            CDSS_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another process may have made one just now.
            with suppress(FileExistsError):
                env.secret_file_new(path, get_random_secret_key() + get_random_secret_key())
    return path.read_text()


SECRET_KEY = secret_key()
# Keys that were in use before: what they sealed can be read, nothing new is sealed with them.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "cdss.urls"
WSGI_APPLICATION = "cdss.wsgi.application"
ASGI_APPLICATION = "cdss.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "consultations:start"
LOGOUT_REDIRECT_URL = "accounts:sign_in"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "csp",
    *access_settings.APPS,
    "cdss",
    "cdss.accounts",
    "cdss.locks",
    "cdss.audit",
    "cdss.notices",
    "cdss.library",
    "cdss.studies",
    "cdss.exchange",
    "cdss.indexing",
    "cdss.reasoning",
    "cdss.ranking",
    "cdss.authoring",
    "cdss.consultations",
    "cdss.feedback",
    "cdss.drills",
    "cdss.regions",
    "cdss.evaluation",
    "cdss.oversight",
    "cdss.privacy",
    "cdss.learning",
    "cdss.teaching",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cdss.static_files.StaticFilesMiddleware",
    "cdss.caching.PrivateAnswersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "cdss.accounts.idle.IdleLogOffMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "cdss.accounts.required_first.RequiredFirstMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "cdss.audit.location.ClientAddressMiddleware",
    "cdss.audit.refusals.RefusalMiddleware",
    "cdss.locks.middleware.LockMiddleware",
    "cdss.teaching.doors.UnknownCaseMiddleware",
    # The last one: its answer takes the place of a view's.
    "axes.middleware.AxesMiddleware",
    "cdss.unreadable.EncryptionErrorMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "builtins": ["cdss.templatetags.icons"],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cdss.accounts.context.permissions",
                "cdss.navigation.navigation",
                "cdss.notices.context.unread_notices",
                "cdss.locks.context.locks",
            ],
        },
    }
]


DATABASE_ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")


def database() -> dict[str, object]:
    url = env.text("DATABASE_URL")
    if not url:
        with env.writing("CDSS_HOME", CDSS_HOME):
            CDSS_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
            env.private_file(CDSS_HOME / "cdss.sqlite3")
        url = f"sqlite:///{CDSS_HOME / 'cdss.sqlite3'}"
    try:
        found: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)}
        if found["ENGINE"] not in DATABASE_ENGINES:
            raise ValueError(found["ENGINE"])
    except (ValueError, dj_database_url.ParseError) as error:
        raise ImproperlyConfigured(
            "DATABASE_URL: write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME."
        ) from error
    if found["ENGINE"] == "django.db.backends.sqlite3":
        found["CONN_MAX_AGE"] = 0
        found["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
            # What is deleted is overwritten, not only let go.
            "PRAGMA secure_delete=ON;",
        }
    else:
        # A network that is cut says nothing: without these a request waits for a quarter of an hour.
        found["OPTIONS"] = {
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            **found.get("OPTIONS", {}),
        }
    return found


DATABASES = {"default": database()}
# faiss: index files on this machine | pgvector: in the PostgreSQL of DATABASE_URL, shared by all hosts
VECTOR_BACKEND = env.choice("VECTOR_BACKEND", "faiss", ("faiss", "pgvector"))
# Shared by all processes and hosts: a one-time code that was used is used up, and failures are counted, everywhere.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.choice("TIME_ZONE", "UTC", available_timezones())
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = CDSS_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "cdss.static_files.HashedFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("CDSS_BEHIND_PROXY", False) else None
SECURE_REFERRER_POLICY = "same-origin"
# Passkeys on plain HTTP work on localhost alone: browsers see to that.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
# Idle log-off: counted from the last request a person made (cdss/accounts/idle.py).
SESSION_COOKIE_AGE = 15 * 60
# However busy a session is, it ends then: a shift, not a week.
SESSION_MAX_SECONDS = 12 * 60 * 60
# The prefix has browsers hold a cookie to this host and to https.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "object-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "form-action": ["'self'", *access_settings.OIDC_FORM_ACTION],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Modes that hold whatever an administrator switches: text-only, education, read-only.
LOCKED_MODES = env.subset("CDSS_LOCKED_MODE", "", ("text-only", "education", "read-only"))

# Case text and images are encrypted under the keys of CDSS_HOME/data_keys or CDSS_DATA_KEYS.
ENCRYPTION = env.boolean("CDSS_ENCRYPTION", True)
# Where burnt-in text is looked for: auto (everywhere but in cross-sections whose header denies it) | always | never
OCR = env.choice("CDSS_OCR", "auto", ("auto", "always", "never"))
# Days after which apply_retention erases; 0 keeps for ever.
RETAIN_CONSULTATIONS_DAYS = env.integer("CDSS_RETAIN_CONSULTATIONS_DAYS", 0, low=0, high=36_500)
RETAIN_IMAGES_DAYS = env.integer("CDSS_RETAIN_IMAGES_DAYS", 0, low=0, high=36_500)
RETAIN_DRAFTS_DAYS = env.integer("CDSS_RETAIN_DRAFTS_DAYS", 30, low=0, high=36_500)
# Whoever wrote a case does not publish it.
SECOND_REVIEWER = env.boolean("CDSS_SECOND_REVIEWER", True)
# A table of RadLex terms for suggestions; "": none.
RADLEX = env.text("CDSS_RADLEX")
UPLOAD_MAX_BYTES = env.integer("CDSS_UPLOAD_MAX_MB", 200, low=1, high=4096) * 1024 * 1024
IMAGE_MAX_PIXELS = env.integer("CDSS_IMAGE_MAX_MEGAPIXELS", 64, low=1, high=1024) * 1_000_000
# Files that one process has read at a time, each by a child of its own.
READERS = env.integer("CDSS_READERS", 4, low=1, high=64)
# Of all images of one case together: what a worker holds decoded takes three bytes a pixel.
CASE_MAX_PIXELS = env.integer("CDSS_CASE_MAX_MEGAPIXELS", 192, low=1, high=16_384) * 1_000_000
CASE_MAX_CHARACTERS = env.integer("CDSS_CASE_MAX_CHARACTERS", 40_000, low=1000, high=1_000_000)
# A study comes in several requests: so much of it in all, so many files, and so many pixels once decoded.
STUDY_MAX_BYTES = env.integer("CDSS_STUDY_MAX_MB", 2048, low=1, high=65_536) * 1024 * 1024
STUDY_MAX_FILES = env.integer("CDSS_STUDY_MAX_FILES", 3000, low=1, high=20_000)
STUDY_MAX_PIXELS = env.integer("CDSS_STUDY_MAX_MEGAPIXELS", 1024, low=1, high=65_536) * 1_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = STUDY_MAX_FILES
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_PERMISSIONS = 0o600

# Notices are mailed too when a host is given; a mail says that there is one and where, nothing of a case.
EMAIL_HOST = env.text("CDSS_EMAIL_HOST")
EMAIL_PORT = env.integer("CDSS_EMAIL_PORT", 25, low=1, high=65_535)
EMAIL_HOST_USER = env.text("CDSS_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("CDSS_EMAIL_PASSWORD")
EMAIL_USE_TLS = env.boolean("CDSS_EMAIL_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("CDSS_EMAIL_FROM", "cdss@localhost")
# The address of this site, for links in mails.
SITE_URL = env.text("CDSS_SITE_URL").rstrip("/")

# minilm (packaged weights) | hashing (no weights: tests) | a folder | a hub name
TEXT_ENCODER = env.text("CDSS_TEXT_ENCODER", "minilm")
# builtin (packaged weights) | hashing | open_clip: hf-hub:OWNER/NAME, NAME@PATH for a local checkpoint, or NAME:TAG
IMAGE_ENCODER = env.text("CDSS_IMAGE_ENCODER", "builtin")
# auto: as prepare_encoders found to hold on the real weights (ONNX Runtime, bfloat16, int8 for queries) | torch
ENCODER_RUNTIME = env.choice("CDSS_ENCODER_RUNTIME", "auto", ("auto", "torch"))
# Socket of the encoder service; "": every process runs the encoders itself; auto: in CDSS_HOME.
ENCODER_SERVICE = env.text("CDSS_ENCODER_SERVICE")
if ENCODER_SERVICE:
    ENCODER_SERVICE = str(CDSS_HOME / "run" / "encoders.sock" if ENCODER_SERVICE == "auto" else Path(ENCODER_SERVICE))
ENCODER_TIMEOUT_SECONDS = env.integer("CDSS_ENCODER_TIMEOUT", 30, low=1, high=600)
# Questions that may wait for the service, and the milliseconds one waits for others to be encoded with it.
ENCODER_QUEUE = env.integer("CDSS_ENCODER_QUEUE", 64, low=1, high=10_000)
ENCODER_WINDOW_MS = env.integer("CDSS_ENCODER_WINDOW_MS", 2, low=0, high=5)
# auto: matrix code for FAISS by what the processor can do, where its OpenBLAS knows no better | off
BLAS_KERNEL = env.choice("CDSS_BLAS_KERNEL", "auto", ("auto", "off"))
MODEL_THREADS = env.integer("CDSS_MODEL_THREADS", 1, low=1, high=64)
# A local folder (or a hub name that lies in CDSS_HOME/models/hub) of a sentence-transformers CrossEncoder; "": none.
CROSS_ENCODER = env.text("CDSS_CROSS_ENCODER")
CROSS_ENCODER_ITEMS = env.integer("CDSS_CROSS_ENCODER_ITEMS", 30, low=2, high=200)
CROSS_ENCODER_WEIGHT = env.fraction("CDSS_CROSS_ENCODER_WEIGHT", 0.5)
CROSS_ENCODER_MILLISECONDS = env.integer("CDSS_CROSS_ENCODER_MILLISECONDS", 2000, low=50, high=60_000)
# The reviewed list of diagnoses that are shown apart because missing them harms.
MUST_NOT_MISS = DEMO_ROOT / "must_not_miss.json"
# Below this fused relevance nothing is cited: the answer is an abstention.
RELEVANCE_FLOOR = env.fraction("CDSS_RELEVANCE_FLOOR", 0.2)
# Probability of the first diagnosis below which the answer is an abstention.
PROBABILITY_FLOOR = env.fraction("CDSS_PROBABILITY_FLOOR", 0.05)
# A case of images alone is answered from prior cases with an image at least this alike (cosine of the image encoder).
IMAGE_RELEVANCE_FLOOR = env.fraction("CDSS_IMAGE_RELEVANCE_FLOOR", 0.9)

# "" (evidence composer alone) | openai:MODEL | ollama:MODEL | anthropic:MODEL | llamacpp:/path/to/model.gguf
LLM = env.text("CDSS_LLM")
LLM_BASE_URL = env.text("CDSS_LLM_BASE_URL")
LLM_API_KEY = env.text("CDSS_LLM_API_KEY")
LLM_ALLOWED_HOSTS = env.words("CDSS_LLM_ALLOWED_HOSTS", "localhost,127.0.0.1")
LLM_TIMEOUT_SECONDS = env.integer("CDSS_LLM_TIMEOUT", 120, low=5, high=3600)
# How often an unreachable or busy model is asked again before the composer's text stands.
LLM_RETRIES = env.integer("CDSS_LLM_RETRIES", 1, low=0, high=5)
# Tokens of prompt and answer together; 0 takes the provider's default (docs/language-model.md).
LLM_CONTEXT_TOKENS = env.integer("CDSS_LLM_CONTEXT_TOKENS", 0, low=0, high=1_000_000)

# How many diagnoses the model may name before it writes, each of which is searched for; 0: none.
LLM_HYPOTHESES = env.integer("CDSS_LLM_HYPOTHESES", 0, low=0, high=10)

# Whether a local model (llamacpp) has a say on what it is shown that another text says.
GATE_VOTE = env.boolean("CDSS_GATE_VOTE", default=False)

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "logging.Formatter" if DEBUG else "cdss.logs.PlaceFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", "INFO", LOG_LEVELS)},
    # They tell of every attempt to find a faster build of themselves, and of every load.
    "loggers": {
        **{name: {"level": "WARNING"} for name in ("faiss.loader", "sentence_transformers")},
        # Its warnings quote the file.
        "pypdf": {"level": "CRITICAL"},
        # It tells of every sign-in by name; the audit trail does.
        "axes": {"level": "ERROR"},
        # It tells of every page that was refused by its address, and that may be a shared link.
        "django.request": {"level": "ERROR"},
    },
}
