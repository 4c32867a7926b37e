"""Places of rows that stand in an order of their own."""

from typing import Any

from django.db.models import Max, QuerySet


def next_position(rows: QuerySet[Any]) -> int:
    """Behind the last of these rows; 0 where there are none."""
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1
