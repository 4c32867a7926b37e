"""Settings of the tests: no weights, no queue, a site folder that is thrown away."""

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "tests-only-" + "x" * 50)
os.environ["CDSS_HOME"] = tempfile.mkdtemp(prefix="cdss-tests-")
os.environ["CDSS_HTTPS"] = "False"
os.environ["CDSS_LLM"] = ""
os.environ["CDSS_OCR"] = "never"
os.environ.setdefault("CDSS_TEXT_ENCODER", "hashing")
os.environ.setdefault("CDSS_IMAGE_ENCODER", "hashing")

from cdss.settings import *  # noqa: F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend", "QUEUES": []}}
STATIC_ROOT.mkdir(parents=True)  # noqa: F405
