import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from cdss.library.models import Collection
from cdss.library.services import Target, collection_ensure


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CDSS_HOME = tmp_path
    return Path(settings.MEDIA_ROOT)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def collection(db: None) -> Collection:
    return collection_ensure(name="Teaching")


@pytest.fixture
def target(collection: Collection) -> Target:
    return Target(collection, publish=True)


def write_png(path: Path, seed: int = 0, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0]), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


class Done(dict):
    code = 0


@pytest.fixture
def run_import(db: None) -> Callable[..., Done]:
    """The command with --json: its answer, and the exit code it would end with."""

    def run(*arguments: object) -> Done:
        out, error = io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command("import_library", *map(str, arguments), "--json", stdout=out, stderr=error)
        except CommandError as raised:
            code = raised.returncode
        done = Done(json.loads(out.getvalue() or "{}"))
        done.code = code
        return done

    return run


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
