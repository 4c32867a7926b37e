"""What a program made to show pages by (manage.py simulate_use): nobody's word, and nothing to learn from."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import QuerySet

# How the names of those begin who ask what is simulated.
PREFIX = "simulated-"
Rows = TypeVar("Rows", bound=QuerySet[Any])


def of_people(rows: Rows, *asked_by: str) -> Rows:
    """Without what is simulated; `asked_by` are the ways from a row to the users it comes from."""
    for way in asked_by:
        rows = rows.exclude(**{f"{way}__username__startswith": PREFIX})
    return rows
