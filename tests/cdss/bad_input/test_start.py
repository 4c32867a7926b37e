"""Settings that make no sense stop the start with one line that names the variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cdss import env

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: write sqlite:///PATH or postgresql://"),
        ({"CDSS_HOME": __file__}, "CDSS_HOME="),
        ({}, "The database cannot be used: no such table"),
    ],
    ids=["setting", "folder", "new site"],
)
def test_a_command_ends_with_one_line(tmp_path: Path, variables: dict[str, str], expected: str) -> None:
    environment = os.environ | {"CDSS_HOME": str(tmp_path / "home"), "DJANGO_SETTINGS_MODULE": "cdss.settings"}
    environment = {name: value for name, value in environment.items() if name != "DATABASE_URL"} | variables
    command = [sys.executable, "manage.py", "search", "--text", "nodule"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.boolean("X", True), "yes"),
        (lambda: env.integer("X", 1, low=0, high=5), "1e3"),
        (lambda: env.integer("X", 1, low=0, high=5), "6"),
        (lambda: env.fraction("X", 0.5), "nan"),
        (lambda: env.choice("X", "INFO", ("INFO", "ERROR")), "loud"),
    ],
)
def test_a_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, read, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(env.ImproperlyConfigured, match=r"X=.*write "):
        read()
