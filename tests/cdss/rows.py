"""More rows of everything there is: whole objects beside those that are there, and more parts of each."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cache
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.utils import timezone

from cdss.accounts.models import Role, User, UserGroup
from cdss.audit.models import ChainHead, Event
from cdss.audit.services import record
from cdss.authoring.models import Look
from cdss.indexing.models import IndexChange
from cdss.locks.models import SiteLock
from cdss.ranking.models import RankingWeights
from cdss.teaching.models import ToolKey

Model = type[models.Model]
# People stay who they are; the trail grows by what is done; changes are noted by the database; one key signs.
KEPT: tuple[Model, ...] = (User, UserGroup, Event, ChainHead, SiteLock, IndexChange, ToolKey)
# Of some states there is one.
OTHERWISE: dict[Model, dict[str, object]] = {RankingWeights: {"state": "retired"}}
# Of a picture that is written or of one of the library, and not of both.
MADE_UP: dict[Model, dict[str, object]] = {Look: {"image": None}}
NUMBERS = itertools.count(10_001)


@cache
def models_of_the_site() -> tuple[Model, ...]:
    """What is pointed at comes before what points."""
    found: list[Model] = []

    def add(model: Model, above: tuple[Model, ...] = ()) -> None:
        if model in found or model in above or not model.__module__.startswith("cdss."):
            return
        for field in model._meta.concrete_fields:
            if field.remote_field:
                add(field.remote_field.model, (*above, model))
        found.append(model)

    for model in apps.get_models():
        add(model)
    return tuple(model for model in found if model not in KEPT)


def one_of_each() -> None:
    """A row of every model that has none, made up by the kinds of its fields."""
    for model in models_of_the_site():
        if not model._base_manager.exists():
            row = model()
            for field in model._meta.concrete_fields:
                if field.is_relation or not (field.primary_key or field.has_default() or field.blank):
                    setattr(row, field.attname, _made_up(field))
            for name, value in MADE_UP.get(model, {}).items():
                setattr(row, name, value)
            row.save()


def rows_there() -> list[models.Model]:
    return [row for model in models_of_the_site() for row in model._base_manager.order_by("pk") if _is_whole(row)]


def more(rows: Sequence[models.Model], copies: int, *, below: int | None = None) -> Counter[Model]:
    """So many copies of the rows together with what belongs to them, and so many (or `below`) of each below its parent.

    Returns how many of each model were made. What a constraint forbids is left out.
    """
    made: Counter[Model] = Counter()
    for _ in range(copies):
        known: dict[tuple[Model, Any], Any] = {}
        for row in rows:
            if (number := _copied(row, known)) is not None:
                known[_root(type(row)), row.pk] = number
                made[type(row)] += 1
    for row in rows:
        made[type(row)] += sum(_copied(row, {}) is not None for _ in range(copies if below is None else below))
    for number in range(copies):
        UserGroup.objects.create(name=f"Group {next(NUMBERS)}").members.add(_somebody(next(NUMBERS)))
        record(action="library.listed", by=User.objects.earliest("pk"), details={"shown": number})
    return made


def _copied(row: models.Model, known: dict[tuple[Model, Any], Any]) -> Any:
    """The number of the copy, or None."""
    model = type(row)
    new, moved = copy(row), set()
    new._state = models.base.ModelState()
    for field in model._meta.concrete_fields:
        if field.remote_field and (there := known.get((_root(field.remote_field.model), field.value_from_object(row)))):
            setattr(new, field.attname, there)
            moved.add(field.name)
    for field in (model._meta.pk, *(parent._meta.pk for parent in model._meta.get_parent_list())):
        if field.name not in moved:
            setattr(
                new, field.attname, None if isinstance(field, models.AutoField) or field.remote_field else uuid.uuid4()
            )
    for names in _unique_together(model):
        if not moved & set(names):
            _alter(new, [model._meta.get_field(name) for name in names])
    for name, value in OTHERWISE.get(model, {}).items():
        setattr(new, name, value)
    try:
        with transaction.atomic():
            new.save(force_insert=True)
    except DatabaseError:
        return None
    return new.pk


def _alter(row: models.Model, fields: list[models.Field]) -> None:
    number = next(NUMBERS)
    # Another name or place before another person.
    for field in sorted(fields, key=lambda each: each.is_relation):
        value: object
        if field.remote_field:
            if field.remote_field.model is not User:
                continue
            value = _somebody(number).pk
        elif isinstance(field, models.UUIDField):
            value = uuid.uuid4()
        elif isinstance(field, models.DateField):
            value = dt.date(2000, 1, 1) + dt.timedelta(days=number)
        elif isinstance(field, models.IntegerField) and not field.choices:
            value = number
        elif isinstance(field, models.CharField) and not field.choices:
            value = sha256(str(number).encode()).hexdigest() if field.max_length == 64 else f"{number:08}"
        else:
            continue
        setattr(row, field.attname, value)
        return


def _somebody(number: int) -> User:
    return User.objects.create(username=f"somebody {number}", role=Role.CLINICIAN, department="radiology")


def _unique_together(model: Model) -> Iterator[tuple[str, ...]]:
    meta = model._meta
    yield from ((field.name,) for field in meta.local_fields if field.unique and not field.primary_key)
    for parent in (model, *meta.get_parent_list()):
        yield from (
            tuple(each.fields) for each in parent._meta.constraints if isinstance(each, models.UniqueConstraint)
        )


def _made_up(field: models.Field) -> object:
    if field.remote_field:
        first = field.remote_field.model._base_manager.order_by("pk").first()
        return first.pk if first else None
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.CharField):
        return sha256(field.name.encode()).hexdigest() if field.max_length == 64 else "made up"[: field.max_length]
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.DateField):
        return timezone.localdate()
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BinaryField):
        return bytes(4)
    if isinstance(field, (models.IntegerField, models.FloatField, models.BooleanField)):
        return 1
    return "made up"


def _root(model: Model) -> Model:
    return (model._meta.get_parent_list() or [model])[-1]


def _is_whole(row: models.Model) -> bool:
    """Not the upper half of another model's row."""
    below = [each for each in models_of_the_site() if type(row) in each._meta.get_parent_list()]
    return not any(each._base_manager.filter(pk=row.pk).exists() for each in below)
