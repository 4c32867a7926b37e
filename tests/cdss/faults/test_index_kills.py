"""kill -9 while the index is written or swapped, and between the commit of a change and its coming into the index."""

import pytest

from tests.cdss.faults.conftest import RunProgram
from tests.figures import Figure


def hold(found: dict[str, object], deaths: int) -> None:
    assert (found["problems"], found["lost"], found["unloadable"], found["deaths"]) == ([], 0, 0, deaths)
    assert found["acknowledged"]
    assert float(str(found["longest_heal"])) < 60


def test_killed_while_the_index_is_made(run_program: RunProgram) -> None:
    hold(run_program("index_kills", 2, 3), 2)


@pytest.mark.faults
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_two_hundred_kills_at_every_step(run_program: RunProgram, backend: str, figure: Figure) -> None:
    found = run_program("index_kills", 200, 5, backend=backend)
    figure(f"kills while the index is made, {backend}", **found)
    hold(found, 200)
