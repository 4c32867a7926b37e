from collections.abc import Iterable

from django.db import models


def move(rows: Iterable[models.Model], moved: models.Model, *, down: bool) -> None:
    """Changes places with the row after or before it, if there is one, and numbers all of them."""
    ordered = list(rows)
    place = ordered.index(moved)
    other = place + (1 if down else -1)
    if 0 <= other < len(ordered):
        ordered[place], ordered[other] = ordered[other], ordered[place]
    for position, row in enumerate(ordered):
        type(row)._default_manager.filter(pk=row.pk).update(position=position)
