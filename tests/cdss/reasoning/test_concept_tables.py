"""Threads that need the tables of names at the same moment make them once."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cdss.reasoning import concepts


def test_threads_make_the_tables_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def slowly() -> dict[str, str]:
        made.append("made")
        time.sleep(0.05)
        return {"lump": "mass"}

    for name in ("_synonym_names", "_icd_names", "_omim_names"):
        monkeypatch.setattr(concepts, name, slowly)
    path = tmp_path / "concepts.json"
    monkeypatch.setattr(concepts, "_tables_path", lambda: path)
    # Without the cache of this process, as if each thread were the first.
    tables = concepts._tables.__wrapped__
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tables(), range(8)))
    assert all(each["synonyms"] == {"lump": "mass"} for each in found)
    assert len(made) == 3
