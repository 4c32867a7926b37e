"""A disk that is full or cannot be written to: nothing damaged, a message that says so, and on it goes afterwards."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cdss.faults.conftest import RunProgram
from tests.figures import Figure


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(home)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a disk in memory")
    yield home
    subprocess.run(["umount", "-l", str(home)], check=True)


@pytest.mark.faults
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_and_a_read_only_disk(small_disk: Path, run_program: RunProgram, figure: Figure) -> None:
    found = run_program("disk", 5)
    figure("disk full and read-only, five times", **found)
    assert found["problems"] == []
    # A small row may still find room in a page that the database has to itself.
    assert found["index refused"] == found["backup refused"] == found["image refused"] == 10
    assert found["page 503"] > 0
