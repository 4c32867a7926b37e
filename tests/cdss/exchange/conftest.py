import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdss.exchange.comparing import Snapshot, snapshot
from cdss.library.models import Case, CaseImage, Collection
from cdss.library.services import collection_ensure
from tests.cdss.library.conftest import files_in, write_lines, write_png

__all__ = ["files_in", "write_lines", "write_png"]


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CDSS_HOME = tmp_path
    return Path(settings.MEDIA_ROOT)


@pytest.fixture
def collection(db: None) -> Collection:
    return collection_ensure(name="Teaching", synthetic=True)


class Done(dict):
    code = 0


def run(name: str, *arguments: object) -> Done:
    """A command with --json: what it prints, and the exit code it would end with."""
    out, error = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command(name, *map(str, arguments), "--json", stdout=out, stderr=error)
    except CommandError as raised:
        code = raised.returncode
    done = Done(json.loads(out.getvalue() or "{}"))
    done.code = code
    return done


@pytest.fixture
def importing(db: None) -> Callable[..., Done]:
    return lambda *arguments: run("import_library", *arguments)


@pytest.fixture
def exporting(db: None) -> Callable[..., Done]:
    return lambda *arguments: run("export_cases", *arguments)


def held() -> Snapshot:
    return snapshot(Case.objects.prefetch_related("images"))


def emptied() -> None:
    CaseImage.objects.all().delete()
    Case.objects.all().delete()
    assert not Case.objects.exists()
