"""What has to hold before a case is published: found by the program, or looked at by a person and ticked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.content import AS_SAID, FIELDS, content_digest, form_value
from cdss.authoring.models import Manuscript, Tick
from cdss.authoring.services import AuthoringError
from cdss.library.deidentify import deidentify
from cdss.library.models import Doubt
from cdss.studies.models import Series

TEXTS, PICTURES = "texts", "pictures"
PIXELS_SEEN = "pixels-seen"
# Item → what it says, and which part of the content it holds for.
ITEMS: dict[str, tuple[str, str]] = {
    "texts-read": (
        "I have read every text and caption: no name, date, address, place or number tells who the patient is.",
        TEXTS,
    ),
    "not-singled-out": (
        "Age, circumstances and rarity taken together do not single the patient out.",
        TEXTS,
    ),
    PIXELS_SEEN: (
        "I have looked at every image and every series in full: no name or number is in the picture, and no face or "
        "mark that could be recognised.",
        PICTURES,
    ),
    "may-be-used": (
        "Consent, or the rules of this site, allow this case and its images to be used for teaching.",
        PICTURES,
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """`tick` is who ticked it and when, or None; `item` is empty for what the program finds by itself."""

    text: str
    passed: bool
    why: str = ""
    item: str = ""
    tick: Tick | None = None
    # It had been ticked, and what it was ticked for has changed since.
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Checklist:
    checks: tuple[Check, ...]

    @property
    def passes(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def open(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]


def checklist_of(manuscript: Manuscript) -> Checklist:
    checks = [_texts_are_clean(manuscript.content), _nothing_waits(manuscript), _marks_were_looked_for(manuscript)]
    return Checklist((*checks, *_ticked(manuscript)))


def tick_falls(*, manuscript: Manuscript, item: str) -> None:
    """What it was ticked for is another now."""
    manuscript.ticks.filter(item=item).update(digest="")


@transaction.atomic
def tick_set(*, manuscript: Manuscript, item: str, on: bool, by: User) -> None:
    if item not in ITEMS:
        raise AuthoringError("There is no such item.")
    row = Manuscript.objects.select_for_update().get(pk=manuscript.pk)
    row.ticks.filter(item=item).delete()
    if on:
        row.ticks.create(item=item, digest=part_digest(row, ITEMS[item][1]), by=by)
    record(action="case.ticked", by=by, obj=row, details={"item": item, "on": on, "version": row.version})


def part_digest(manuscript: Manuscript, part: str) -> str:
    """Of the texts with the captions, or of the pictures as they are stored."""
    content = manuscript.content
    if part == TEXTS:
        captions = sorted(each["caption"] for each in content["images"] if each["caption"])
        return content_digest({name: content.get(name) for name in FIELDS} | {"captions": captions})
    shown: dict[str, Any] = {"images": sorted(each["picture"] for each in content["images"])}
    if series := sorted(Series.objects.filter(case=manuscript.case_id).values_list("pk", flat=True)):
        shown["series"] = series
    return content_digest(shown)


def _ticked(manuscript: Manuscript) -> list[Check]:
    ticks = {tick.item: tick for tick in manuscript.ticks.select_related("by")}
    digests = {part: part_digest(manuscript, part) for part in (TEXTS, PICTURES)}
    found = []
    for item, (text, part) in ITEMS.items():
        tick = ticks.get(item)
        holds = tick is not None and tick.digest == digests[part]
        why = "" if holds else "The content has changed since it was ticked." if tick else "Not ticked yet."
        found.append(Check(text, holds, why, item, tick if holds else None, outdated=bool(tick) and not holds))
    return found


def _texts_are_clean(content: Mapping[str, Any]) -> Check:
    found = [
        field.label
        for name, field in FIELDS.items()
        if name not in AS_SAID and deidentify(form_value(field, content.get(name) or "")).removed
    ]
    found += [
        f"Caption of image {number}"
        for number, each in enumerate(content["images"], 1)
        if deidentify(each["caption"]).removed
    ]
    why = f"Something that looks like an identifier stands in: {', '.join(found)}." if found else ""
    return Check("No text holds what looks like an identifier.", not found, why)


def _nothing_waits(manuscript: Manuscript) -> Check:
    waiting = doubts_in(manuscript).count()
    covered = sum(map(len, Series.objects.filter(case=manuscript.case_id).values_list("doubts", flat=True)))
    count = waiting + covered
    why = (
        f"{count} place{'s' * (count != 1)} of pictures may be text: an author or a reviewer looks at them and decides."
        if count
        else ""
    )
    return Check("No place of a picture waits for a decision.", not count, why)


def doubts_in(manuscript: Manuscript) -> QuerySet[Doubt]:
    """Of the pictures that are in the case now."""
    shown = [each["picture"] for each in manuscript.content["images"]]
    return Doubt.objects.filter(name__in=manuscript.pictures.filter(pk__in=shown).values("file"))


def _marks_were_looked_for(manuscript: Manuscript) -> Check:
    shown = [each["picture"] for each in manuscript.content["images"]]
    unseen = manuscript.pictures.filter(pk__in=shown, says_burned_in=True, was_screened=False).count()
    why = f"{unseen} say in their header that text is burnt in, and it was not looked for." if unseen else ""
    return Check("Where a file says that text is burnt into it, it was masked.", not unseen, why)
