"""Backups of a site that others write to and delete from, each restored into an empty place."""

from contextlib import ExitStack

import psycopg
import pytest

from tests.cdss.faults.conftest import RunProgram, run_program
from tests.figures import Figure
from tests.postgres import postgres

__all__ = ["run_program"]


@pytest.mark.faults
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_backups_under_load_are_whole(run_program: RunProgram, backend: str, figure: Figure) -> None:
    rounds, urls = 4, list[str]()
    with ExitStack() as stack:
        if backend == "postgresql":
            url = stack.enter_context(postgres())
            with psycopg.connect(url, autocommit=True) as server:
                for number in range(rounds + 1):
                    server.execute(f"CREATE DATABASE restored{number}".encode())
            urls = [url.replace("/postgres?", f"/restored{number}?") for number in range(rounds + 1)]
        found = run_program("backups", rounds, 3, *urls, backend=backend)
    figure(f"backup and restore under load, {backend}", **found)
    assert found["problems"] == []
    assert found["acts meanwhile"] > rounds
