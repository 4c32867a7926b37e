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
        rows: Trace = {m._meta.label: m.objects.count() for m in apps.get_models() if m._meta.label != "sessions.Session"}
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
