"""What the editor's pages show, in a number of queries that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as having
from typing import Any

from django.db.models import Q, QuerySet

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.authoring.content import (
    FIELDS,
    PICTURE_FIELDS,
    SECTIONS,
    Content,
    Field,
    digest,
    field_named,
    form_value,
    label_of,
    names_of,
    value_of,
)
from cdss.authoring.models import Comment, Conflict, Manuscript, Picture, cases_editable_by
from cdss.authoring.vocabulary import SYSTEMS
from cdss.library.models import Case, State

ROWS = {"abstract": 2, "alternative_abstract": 2, "findings": 6, "discussion": 8, "history": 4}


@dataclass(frozen=True, slots=True)
class Control:
    """One field of the form: `name` is also its id."""

    field: Field
    name: str
    value: str
    comments: list[Comment] = having(default_factory=list)

    @property
    def rows(self) -> int:
        return max(ROWS.get(self.field.name, 3), min(12, self.value.count("\n") + 1))

    @property
    def systems(self) -> tuple[str, ...]:
        return SYSTEMS if self.field.name == "codes" else ()


@dataclass(frozen=True, slots=True)
class PictureView:
    picture: Picture
    number: int
    controls: list[Control]

    @property
    def caption(self) -> str:
        return next((each.value for each in self.controls if each.field.name == "caption"), "")


@dataclass(frozen=True, slots=True)
class ConflictView:
    conflict: Conflict
    label: str
    mine: str
    theirs: str
    rows: int = 4


def controls(manuscript: Manuscript) -> list[tuple[str, list[Control]]]:
    said: dict[str, list[Comment]] = {}
    for comment in threads(manuscript):
        said.setdefault(comment.field, []).append(comment)
    return [
        (
            title,
            [
                Control(
                    each, each.name, form_value(each, value_of(manuscript.content, each.name)), said.get(each.name, [])
                )
                for each in fields
            ],
        )
        for title, fields in SECTIONS
    ]


def pictures(manuscript: Manuscript) -> list[PictureView]:
    held = {picture.pk: picture for picture in manuscript.pictures.all()}
    views = []
    for number, entry in enumerate(manuscript.content["images"], 1):
        pk = entry["picture"]
        shown = [
            Control(each, f"image-{pk}-{name}", ("on" if entry[name] else "") if each.kind == "tick" else entry[name])
            for name, each in PICTURE_FIELDS.items()
        ]
        views.append(PictureView(held[pk], number, shown))
    return views


def conflicts(manuscript: Manuscript) -> list[ConflictView]:
    found = []
    for conflict in manuscript.conflicts.select_related("by"):
        known, theirs = field_named(conflict.field), value_of(manuscript.content, conflict.field)
        if known is not None and theirs is not None:
            mine, now = form_value(known, conflict.value), form_value(known, theirs)
            rows = max(3, min(14, max(text.count("\n") + len(text) // 60 for text in (mine, now)) + 1))
            found.append(ConflictView(conflict, label_of(conflict.field), mine, now, rows))
    return found


def digests(content: Content) -> dict[str, str]:
    return {name: digest(value_of(content, name)) for name in names_of(content)}


def changed_since(content: Content, base: Mapping[str, str]) -> dict[str, str]:
    """Fields that are not what a form started from, as they stand in a form."""
    found = {}
    for name in names_of(content):
        value, known = value_of(content, name), field_named(name)
        if known is not None and base.get(name) != digest(value):
            found[name] = ("on" if value else "") if known.kind == "tick" else form_value(known, value)
    return found


def threads(manuscript: Manuscript) -> QuerySet[Comment]:
    first = manuscript.comments.filter(parent=None).select_related("by", "resolved_by")
    return first.prefetch_related("replies__by")


def shown_texts(content: Content) -> list[tuple[str, str]]:
    """Label and text of every field that says something, in the order of the form."""
    found = []
    for name, known in FIELDS.items():
        if value := value_of(content, name):
            found.append((known.label, _read(known, value)))
    return found


def _read(known: Field, value: Any) -> str:
    """As it is read, not as it is typed."""
    if known.kind == "choice":
        return str(dict(known.choices).get(value, value))
    if known.name == "codes":
        return "\n".join(f"{each['display'] or each['code']} ({each['system']} {each['code']})" for each in value)
    return form_value(known, value)


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    count: int


TABS = {"drafts": "My drafts", "review": "To review", "published": "Published", "retired": "Retired"}


def tab_rows(user: User, tab: str) -> QuerySet[Case]:
    """Cases of a tab, those of the library that were never opened in the editor with them."""
    mine = cases_editable_by(user)
    if tab == "review":
        asked = Manuscript.objects.for_user(user).filter(stage=State.REVIEW)
        mine_too = Q(pk__in=mine.filter(manuscript__stage=State.REVIEW).values("pk"))
        rows = Case.objects.filter(Q(pk__in=asked.values("case")) | mine_too) if may(user, Action.REVIEW) else (
            mine.filter(manuscript__stage=State.REVIEW))  # fmt: skip
    elif tab == "published":
        rows = mine.filter(state=State.PUBLISHED)
    elif tab == "retired":
        rows = mine.filter(state=State.RETIRED)
    else:
        begun = Q(manuscript__isnull=False, manuscript__stage=State.DRAFT)
        rows = mine.filter(begun | Q(manuscript__isnull=True, state=State.DRAFT))
    return rows.select_related("collection", "owner", "manuscript").order_by("-updated", "-pk")


def tabs(user: User) -> list[Tab]:
    return [Tab(name, label, tab_rows(user, name).count()) for name, label in TABS.items()]


def named(users: Iterable[Any]) -> str:
    return ", ".join(str(user) for user in users)
