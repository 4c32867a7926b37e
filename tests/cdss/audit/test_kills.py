import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def killed(tmp_path: Path, count: int, seed: int) -> dict[str, object]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path), "CDSS_HTTPS": "False"}
    command = [sys.executable, "-m", "tests.cdss.audit.kills", str(count), str(seed)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_is_lost_and_nothing_is_without_its_event(tmp_path: Path) -> None:
    found = killed(tmp_path, 12, 7)
    assert (found["problems"], found["deaths"]) == ([], 12)
    assert found["acknowledged"]


@pytest.mark.faults
def test_two_hundred_kills(tmp_path: Path) -> None:
    found = killed(tmp_path, 200, 11)
    assert (found["problems"], found["deaths"]) == ([], 200)
