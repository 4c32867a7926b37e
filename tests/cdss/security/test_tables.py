"""The tables of docs/asvs.md and docs/owasp-llm.md name tests that exist."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# `tests/path.py::test_name`, or a whole file.
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


@pytest.mark.parametrize("page", ["docs/asvs.md", "docs/owasp-llm.md", "SECURITY.md"])
def test_every_named_test_exists(page: str) -> None:
    named = _NAMED.findall((ROOT / page).read_text())
    assert named
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(), (path, name)


def rows(page: str) -> list[list[str]]:
    lines = [line for line in (ROOT / page).read_text().split("\n") if re.match(r"\| (?:\d|LLM)", line)]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


@pytest.mark.parametrize(("page", "least"), [("docs/asvs.md", 90), ("docs/owasp-llm.md", 10)])
def test_every_row_says_how_or_why_not(page: str, least: int) -> None:
    found = rows(page)
    assert len(found) >= least
    assert len({row[0] for row in found}) == len(found)
    for row in found:
        assert len(row) == 4, row
        assert row[2] in ("met", "partly", "not met", "site"), row
        assert row[3], row
        if row[2] == "met":
            assert _NAMED.search(row[3]) or "docs/" in row[3] or "make " in row[3], row
