import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def killed(tmp_path: Path, count: int, seed: int, *, database: str = "") -> dict[str, object]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path), "CDSS_HTTPS": "False"}
    environment |= {"DATABASE_URL": database} if database else {}
    command = [sys.executable, "-m", "tests.cdss.audit.kills", str(count), str(seed)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def on_a_new_database(postgres_url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    return postgres_url.replace("/postgres?", f"/{name}?")


def test_nothing_is_lost_and_nothing_is_without_its_event(tmp_path: Path) -> None:
    found = killed(tmp_path, 12, 7)
    assert (found["problems"], found["deaths"], found["database"]) == ([], 12, "sqlite")
    assert found["acknowledged"]


@pytest.mark.pg
def test_nothing_is_lost_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    found = killed(tmp_path, 12, 7, database=on_a_new_database(postgres_url, "few_deaths"))
    assert (found["problems"], found["deaths"], found["database"]) == ([], 12, "postgresql")
    assert found["acknowledged"]


@pytest.mark.faults
def test_two_hundred_kills(tmp_path: Path) -> None:
    found = killed(tmp_path, 200, 11)
    assert (found["problems"], found["deaths"]) == ([], 200)


@pytest.mark.faults
def test_two_hundred_kills_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    found = killed(tmp_path, 200, 11, database=on_a_new_database(postgres_url, "many_deaths"))
    assert (found["problems"], found["deaths"], found["database"]) == ([], 200, "postgresql")
