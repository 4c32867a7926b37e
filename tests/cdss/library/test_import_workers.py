"""One import by several processes: every row by one of them, whoever is killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cdss.library.importers.run import Outcome, run_import
from cdss.library.importers.workers import Share, import_by_workers
from cdss.library.models import Collection, Document, LibraryItem
from cdss.library.services import Target


def documents(path: Path, count: int) -> Path:
    file = path / "documents.jsonl"
    lines = [
        {"id": f"d{number}", "kind": "literature", "title": f"Title {number}", "text": f"Text of {number}."}
        for number in range(count)
    ]
    file.write_text("\n".join([*map(json.dumps, lines), "not json"]), encoding="utf-8")
    return file


@pytest.mark.django_db
def test_the_shares_together_are_the_whole_and_each_row_is_in_one(tmp_path: Path) -> None:
    file = documents(tmp_path, 60)
    target = Target(Collection.objects.create(name="Shared"), publish=True)
    outcomes = [run_import([file], target=target, own=Share(number, 3).own) for number in range(3)]
    assert [outcome.documents > 0 for outcome in outcomes] == [True] * 3
    assert sum(outcome.documents for outcome in outcomes) == 60 == Document.objects.count()
    assert [skip["line"] for outcome in outcomes for skip in outcome.skipped] == [61]
    again = run_import([file], target=target, own=Share(0, 1).own)
    assert (again.documents, again.unchanged) == (0, 60)


@pytest.mark.parametrize("value", ["3/3", "-1/2", "1", "a/b", "1/0"])
def test_a_share_is_one_of_so_many(value: str) -> None:
    with pytest.raises(ValueError):
        Share.parse(value)


@pytest.mark.django_db
def test_a_share_prints_what_it_did_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = documents(tmp_path, 5)
    call_command("import_library", str(file), "--share", "0/1", "--publish")
    said = capsys.readouterr()
    assert Outcome(**json.loads(said.out)).documents == 5
    assert set(said.err.split()) == {"+"}


@pytest.mark.django_db
def test_no_worker_is_no_import(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--workers 0"):
        call_command("import_library", str(documents(tmp_path, 1)), workers=0)


def test_a_worker_that_dies_stops_the_import_and_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen

    def killed(command: list[str], **options: Any) -> "subprocess.Popen[str]":
        child = real([sys.executable, "-c", "import time; time.sleep(60)"], **options)
        child.send_signal(signal.SIGKILL)
        return child

    monkeypatch.setattr(subprocess, "Popen", killed)
    outcome = import_by_workers([], workers=2, on_row=lambda: None)
    assert outcome.stopped
    assert "Run it again" in outcome.skipped[0]["reason"]


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="copies the file of a site")
def test_processes_that_are_killed_leave_what_the_next_run_finishes(tmp_path: Path) -> None:
    site, file = tmp_path / "cdss.sqlite3", documents(tmp_path, 400)
    connection.ensure_connection()
    with sqlite3.connect(site) as copy:
        connection.connection.backup(copy)
    environment = os.environ | {"CDSS_HOME": str(tmp_path), "DATABASE_URL": f"sqlite:///{site}"}
    command = [sys.executable, "manage.py", "import_library", str(file), "--publish", "--workers", "3", "--json"]

    def stored() -> tuple[int, int]:
        with sqlite3.connect(site, timeout=20) as opened:
            counts = "SELECT count(*), count(DISTINCT source_id) FROM library_libraryitem"
            found: tuple[int, int] = opened.execute(counts).fetchone()
            return found

    killed = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while stored()[0] < 20:
        assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["documents"] < 400
    assert stored() == (400, 400)
    assert not LibraryItem.objects.exists()
