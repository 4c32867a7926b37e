"""Eight processes add, delete, index and search at once: nothing torn, nothing locked, nothing lost."""

import os

import pytest

from tests.cdss.faults.conftest import RunProgram
from tests.figures import Figure

MINUTES = float(os.environ.get("CDSS_FAULT_MINUTES", "2"))


@pytest.mark.faults
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_eight_processes_at_once(run_program: RunProgram, backend: str, figure: Figure) -> None:
    found = run_program("writers", 8, 60 * MINUTES, backend=backend)
    figure(f"eight processes for {MINUTES:g} minutes, {backend}", **found)
    assert (found["problems"], found["locked"], found["in_step"]) == (0, 0, True), found["first"]
    assert min(found[act] for act in ("add", "delete", "index", "search")) > 0
