from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import Settings
from django.test import Client

from cdss.accounts.models import User
from tests.cdss.consultations.conftest import run_queue, small_library

__all__ = ["run_queue", "small_library"]

Trace = dict[str, object]
# The sign-in of the test, and the one row that numbers events.
UNCOUNTED = ("sessions.Session", "audit.ChainHead")


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Settings) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    settings.CDSS_HOME, settings.MEDIA_ROOT, settings.INDEX_ROOT = home, home / "media", home / "indexes"
    return home


@pytest.fixture
def traces(db: None, site: Path) -> Callable[[], Trace]:
    """Every row and every file of the site: the same before and after what was refused."""

    def taken() -> Trace:
        counted = [model for model in apps.get_models() if model._meta.label not in UNCOUNTED]
        rows: Trace = {model._meta.label: model.objects.count() for model in counted}
        return rows | {"files": sorted(path for path in site.rglob("*") if path.is_file())}

    return taken


@pytest.fixture
def doctor(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


@pytest.fixture
def teacher(client: Client, educator: User) -> Client:
    client.force_login(educator)
    return client
