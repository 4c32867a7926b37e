"""What the tests of faults stand on: a library to index, and programs that run on a site of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.cdss.indexing.conftest import collection, library, make_case, make_document, make_image, site
from tests.postgres import postgres

__all__ = ["collection", "library", "make_case", "make_document", "make_image", "site"]
ROOT = Path(__file__).resolve().parent.parent.parent.parent
RunProgram = Callable[..., dict[str, Any]]


@pytest.fixture
def run_program(tmp_path: Path) -> RunProgram:
    """Runs one of the programs beside this file on a new site, on the backend named; returns what it prints."""

    def run(name: str, *arguments: object, backend: str = "sqlite", seconds: float | None = None) -> dict[str, Any]:
        environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path / "home"), "CDSS_HTTPS": "False",
            "SECRET_KEY": "x" * 60, "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        with postgres() if backend == "postgresql" else nullcontext("") as url:
            if url:
                environment["DATABASE_URL"] = url
            command = [sys.executable, "-m", "tests.cdss.faults", name, *map(str, arguments)]
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds
            )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run
