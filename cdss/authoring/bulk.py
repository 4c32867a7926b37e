"""One change of many cases: shown before it is made, made of all or of none, and taken back as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.collections import collections_for
from cdss.authoring.content import FIELDS, read_value, value_of, with_value
from cdss.authoring.models import BulkEdit, Manuscript, Revision, cases_editable_by
from cdss.authoring.services import AuthoringError, manuscript_open, revision_add
from cdss.authoring.workflow import case_retire, case_submit, open_actions
from cdss.library.authored import Difficulty
from cdss.library.field_values import RowError
from cdss.library.models import Case, Collection, State, Visibility
from cdss.numbers import whole_number

MOST_CASES = 500
# What is no part of the text that is searched and cited, and therefore holds at once.
DESCRIBED = ("keywords", "region", "organ_system", "difficulty", "licence")
ACTS = {"submit": "Hand in for review", "retire": "Retire"}
KINDS = {
    "add_keyword": "Add a keyword",
    "remove_keyword": "Remove a keyword",
    "region": "Set the region",
    "organ_system": "Set the organ system",
    "difficulty": "Set the difficulty",
    "licence": "Set the licence",
    "collection": "Move to a collection",
    "visibility": "Set who sees them",
    **ACTS,
}


@dataclass(frozen=True, slots=True)
class Change:
    kind: str
    value: str = ""

    def __str__(self) -> str:
        return f"{KINDS[self.kind]}{': ' + self.value if self.value else ''}"


@dataclass(frozen=True, slots=True)
class Line:
    """One case in the preview. `refused` says why nothing can be done; nothing at all when nothing would change."""

    case: Case
    before: str = ""
    after: str = ""
    refused: str = ""

    @property
    def changes(self) -> bool:
        return not self.refused and self.before != self.after


def change_of(kind: str, value: str, by: User) -> Change:
    """Raises AuthoringError for what is no change."""
    if kind not in KINDS:
        raise AuthoringError("Choose what to change.")
    value = " ".join(value.split())
    if kind in ACTS:
        return Change(kind)
    if kind == "difficulty" and value not in ("", *Difficulty.values):
        raise AuthoringError(f"Difficulty is one of {', '.join(Difficulty.values)}.")
    if kind == "visibility" and value not in Visibility.values:
        raise AuthoringError(f"Choose one of {', '.join(Visibility.values)}.")
    if kind == "collection" and not collections_for(by).filter(pk=whole_number(value) or 0).exists():
        raise AuthoringError("Choose one of your collections.")
    if kind in ("add_keyword", "remove_keyword") and not value:
        raise AuthoringError("Give the keyword.")
    if kind in FIELDS:
        try:
            read_value(FIELDS[kind], value)
        except RowError as error:
            raise AuthoringError(str(error)) from error
    return Change(kind, value)


def preview(*, change: Change, cases: Iterable[int], by: User) -> list[Line]:
    """What would become of each, of those this user sees; what is not theirs to change says so."""
    wanted = list(cases)[: MOST_CASES + 1]
    if len(wanted) > MOST_CASES:
        raise AuthoringError(f"At most {MOST_CASES} cases are changed at once.")
    mine = set(cases_editable_by(by).filter(pk__in=wanted).values_list("pk", flat=True))
    reviewed = Manuscript.objects.for_user(by).values("case")
    seen = Case.objects.filter(
        Q(pk__in=mine) | Q(pk__in=Case.objects.viewable_by(by).values("pk")) | Q(pk__in=reviewed)
    )
    rows = seen.filter(pk__in=wanted).select_related("collection").order_by("pk").distinct()
    return [_line(change, case, by, editable=case.pk in mine) for case in rows]


def bulk_apply(*, change: Change, cases: Iterable[int], by: User) -> BulkEdit:
    """Of all of them, or of none where one cannot be changed."""
    with transaction.atomic():
        wanted = sorted(set(cases))
        locked = list(Case.objects.select_for_update(of=("self",)).filter(pk__in=wanted).values_list("pk", flat=True))
        lines = preview(change=change, cases=locked, by=by)
        if len(lines) != len(wanted):
            raise AuthoringError("Some of these cases are not there any more. Nothing was changed.")
        if refused := [line for line in lines if line.refused]:
            raise AuthoringError(f"“{refused[0].case.title[:60]}”: {refused[0].refused} Nothing was changed.")
        made = BulkEdit.objects.create(by=by, change={"kind": change.kind, "value": change.value}, rows={})
        rows = {line.case.pk: _apply(change, line.case, by, made.pk) for line in lines if line.changes}
        made.rows = {str(pk): row for pk, row in rows.items()}
        made.save(update_fields=["rows"])
    return made


@transaction.atomic
def bulk_undo(*, edit: BulkEdit, by: User) -> int:
    """Each case as it was, where nobody changed the same thing since; returns how many were taken back."""
    row = BulkEdit.objects.select_for_update().get(pk=edit.pk)
    if row.undone or row.change["kind"] in ACTS:
        raise AuthoringError("This was taken back already." if row.undone else "This is taken back case by case.")
    mine = cases_editable_by(by).filter(pk__in=[int(pk) for pk in row.rows])
    done = 0
    for case in Case.objects.select_for_update(of=("self",)).filter(pk__in=mine.values("pk")):
        held = row.rows[str(case.pk)]
        if _sides(case, _field(Change(**row.change))) == held["after"]:
            _store(case, _field(Change(**row.change)), held["before"], by)
            record(action="case.bulk_undone", by=by, obj=case, details={"bulk": row.pk, "kind": row.change["kind"]})
            done += 1
    row.undone = timezone.now()
    row.save(update_fields=["undone"])
    record(action="case.bulk_taken_back", by=by, obj=row, details={"kind": row.change["kind"], "cases": done})
    return done


def _line(change: Change, case: Case, by: User, *, editable: bool) -> Line:
    if change.kind in ACTS:
        return _act_line(change, case, by, editable=editable)
    if not editable:
        return Line(case, refused="It belongs to somebody else.")
    sides = _sides(case, _field(change))
    shown = [_shown(_field(change), (each["text"] if "text" in each else each["case"])) for each in (
        sides, _changed(change, sides))]  # fmt: skip
    return Line(case, *shown)


def _act_line(change: Change, case: Case, by: User, *, editable: bool) -> Line:
    manuscript = Manuscript.objects.filter(case=case).first()
    if manuscript is None:
        allowed = editable and (change.kind == "submit" if case.state == State.DRAFT else change.kind == "retire")
        allowed = allowed and case.state in (State.DRAFT, State.PUBLISHED)
    else:
        allowed = change.kind in open_actions(manuscript, by)
    if not allowed:
        return Line(case, refused=f"It is {case.get_state_display().lower()}, and this is not open to you.")
    to = State.REVIEW if change.kind == "submit" else State.RETIRED
    return Line(case, case.get_state_display(), State(to).label)


def _apply(change: Change, case: Case, by: User, bulk: int) -> dict[str, Any]:
    if change.kind in ACTS:
        state = case.state
        manuscript = manuscript_open(case=case, by=by)
        (case_submit if change.kind == "submit" else case_retire)(manuscript=manuscript, by=by)
        return {"before": {"state": state}, "after": {}}
    before = _sides(case, _field(change))
    after = _changed(change, before)
    _store(case, _field(change), after, by)
    record(action="case.bulk_changed", by=by, obj=case, details={"bulk": bulk, "kind": change.kind})
    return {"before": before, "after": after}


def _field(change: Change) -> str:
    return "keywords" if change.kind.endswith("_keyword") else change.kind


def _sides(case: Case, name: str) -> dict[str, Any]:
    """The value in the case, and in the text that is being written where there is one and it has this field."""
    sides = {"case": case.collection_id if name == "collection" else getattr(case, name)}
    manuscript = Manuscript.objects.filter(case=case).first() if name in DESCRIBED else None
    return sides if manuscript is None else sides | {"text": value_of(manuscript.content, name)}


def _changed(change: Change, sides: Mapping[str, Any]) -> dict[str, Any]:
    return {side: _new_value(change, value) for side, value in sides.items()}


def _new_value(change: Change, value: Any) -> Any:
    if change.kind == "add_keyword":
        return [*value] if change.value in value else [*value, change.value]
    if change.kind == "remove_keyword":
        return [word for word in value if word.lower() != change.value.lower()]
    return int(change.value) if change.kind == "collection" else change.value


def _store(case: Case, name: str, sides: Mapping[str, Any], by: User) -> None:
    """In the case, and in the text that is being written, so that publishing it does not bring the old back."""
    setattr(case, "collection_id" if name == "collection" else name, sides["case"])
    case.authored_here = case.authored_here or name in DESCRIBED
    case.save(update_fields=[name, "authored_here", "updated"])
    if "text" not in sides:
        return
    manuscript = Manuscript.objects.select_for_update().get(case=case)
    manuscript.content = with_value(manuscript.content, name, sides["text"])
    manuscript.version += 1
    manuscript.save(update_fields=["content", "version", "updated"])
    revision_add(manuscript=manuscript, by=by, why=Revision.Why.EDITED, note="many cases at once")


def _shown(name: str, value: Any) -> str:
    if name == "collection":
        return str(Collection.objects.filter(pk=value).first() or "")
    return ", ".join(value) if isinstance(value, list) else str(value)
