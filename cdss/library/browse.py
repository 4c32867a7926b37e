"""What the library's pages read, each in a number of queries that does not grow with the rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, When

from cdss.library.models import CaseImage, Collection, Gamut, Kind, LibraryItem, State
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked

SHOWN_VALUES = 12
OWN_FACETS = ("kind", "collection", "state")
# Rows whose numbers are held for the further queries of a page.
MANY = 5000


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    name: str
    title: str
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    collection: Collection
    cases: int
    guidelines: int
    literature: int
    drafts: int
    licences: list[str]
    gamuts: int = 0

    @property
    def total(self) -> int:
        return self.cases + self.guidelines + self.literature + self.gamuts


@dataclass(frozen=True, slots=True)
class Counts:
    groups: Sequence[tuple[Mapping[str, str], int]]
    wanted: Mapping[str, str]

    @property
    def total(self) -> int:
        return sum(number for values, number in self.groups if self._fits(values, ""))

    def by(self, name: str) -> Counter[str]:
        """Of each value of one facet, under what is wanted of the others."""
        found: Counter[str] = Counter()
        for values, number in self.groups:
            if self._fits(values, name):
                found[values[name]] += number
        return found

    def _fits(self, values: Mapping[str, str], but: str) -> bool:
        if but != "state" and not self.wanted.get("state") and values["state"] == State.RETIRED:
            return False
        return all(self.wanted.get(name) in (None, "", values[name]) for name in OWN_FACETS if name != but)


def filtered(rows: QuerySet[LibraryItem], wanted: Mapping[str, str], *, but: str = "") -> QuerySet[LibraryItem]:
    """Rows that fit everything wanted, one facet left out so that its other values can be counted."""
    chosen = {name: value for name, value in wanted.items() if value and name != but}
    for word in chosen.get("q", "").split():
        rows = rows.filter(Q(title__icontains=word) | Q(text__icontains=word))
    if diagnosis := chosen.get("diagnosis"):
        rows = rows.filter(case__diagnosis__icontains=diagnosis)
    if "state" not in chosen and but != "state":
        # What was taken off the shelf is looked for by its state.
        rows = rows.exclude(state=State.RETIRED)
    for name in ("kind", "state", "collection"):
        if name in chosen:
            rows = rows.filter(**{name: chosen[name]})
    pictured = {name: chosen[name] for name in ("region", "modality") if name in chosen}
    if pictured:
        rows = rows.filter(Exists(CaseImage.objects.filter(case_id=OuterRef("pk"), **pictured)))
    return rows


def ordered(rows: QuerySet[LibraryItem], q: str) -> QuerySet[LibraryItem]:
    """Cases first, for their pictures; with words to look for, first what has them in its title."""
    in_title = [Case(When(title__icontains=q, then=0), default=1)] if q else []
    return rows.order_by(*in_title, "kind", "-updated", "-pk")


def in_this_order(keys: Sequence[int]) -> list[LibraryItem]:
    """The rows of one page. The order is made of narrow rows alone: what is shown of them is read afterwards."""
    rows = LibraryItem.objects.select_related("collection", "case", "document").defer("text").in_bulk(keys)
    return [rows[key] for key in keys if key in rows]


def read_once(
    rows: QuerySet[LibraryItem], wanted: Mapping[str, str]
) -> tuple[QuerySet[LibraryItem], Mapping[str, str]]:
    """The same rows, and what is still to be wanted of them: the texts are looked through once, not for each count."""
    said = {name: wanted.get(name, "") for name in ("q", "diagnosis")}
    if not any(said.values()):
        return rows, wanted
    found = filtered(rows, said, but="state").order_by().values_list("pk", flat=True)[: MANY + 1]
    known = list(found)
    if len(known) > MANY:
        return rows, wanted
    return LibraryItem.objects.filter(pk__in=known), {**wanted, "q": "", "diagnosis": ""}


def counted(rows: QuerySet[LibraryItem], wanted: Mapping[str, str]) -> Counts:
    """One query for the number of rows and for every facet of the rows themselves."""
    others = {name: value for name, value in wanted.items() if name not in OWN_FACETS}
    groups = filtered(rows, others, but="state").order_by().values_list(*OWN_FACETS).annotate(number=Count("pk"))
    return Counts(
        [(dict(zip(OWN_FACETS, map(str, values), strict=True)), number) for *values, number in groups], wanted
    )


def facets(rows: QuerySet[LibraryItem], wanted: Mapping[str, str], counts: Counts, *, with_state: bool) -> list[Facet]:
    found = [_facet(counts, "kind", "Kind", dict(Kind.choices))]
    found += [_image_facet(rows, wanted, "region", "Region"), _image_facet(rows, wanted, "modality", "Modality")]
    names = {str(pk): name for pk, name in Collection.objects.values_list("pk", "name")}
    found.append(_facet(counts, "collection", "Collection", names))
    if with_state:
        found.append(_facet(counts, "state", "State", dict(State.choices)))
    return [facet for facet in found if facet.choices]


def _facet(counts: Counts, name: str, title: str, labels: Mapping[str, Any]) -> Facet:
    return Facet(name, title, _choices(counts.by(name).items(), counts.wanted.get(name, ""), labels))


def _image_facet(rows: QuerySet[LibraryItem], wanted: Mapping[str, str], name: str, title: str) -> Facet:
    cases = filtered(rows, wanted, but=name).order_by().values("pk")
    images = CaseImage.objects.filter(case_id__in=cases).exclude(**{name: ""}).order_by()
    counts = images.values_list(name).annotate(number=Count("case_id", distinct=True))
    return Facet(name, title, _choices(counts, wanted.get(name, ""), {}))


def _choices(counts: Iterable[tuple[Any, int]], chosen: str, labels: Mapping[str, Any]) -> list[Choice]:
    found = [
        Choice(str(value), str(labels.get(str(value), value)), count, str(value) == chosen) for value, count in counts
    ]
    found.sort(key=lambda choice: (not choice.chosen, -choice.count, choice.label))
    return found[:SHOWN_VALUES]


def with_first_images(items: Iterable[LibraryItem]) -> list[tuple[LibraryItem, CaseImage | None]]:
    shown = list(items)
    first: dict[int, CaseImage] = {}
    if is_locked(Mode.TEXT_ONLY):
        return [(item, None) for item in shown]
    for image in CaseImage.objects.filter(case_id__in=[item.pk for item in shown]).order_by("case_id", "position"):
        first.setdefault(image.case_id, image)
    return [(item, first.get(item.pk)) for item in shown]


def collection_counts(rows: QuerySet[LibraryItem], gamuts: QuerySet[Gamut]) -> list[CollectionCounts]:
    """Collections that hold something in `rows` or in `gamuts`."""
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    licences: dict[int, set[str]] = defaultdict(set)
    held = rows.exclude(state=State.RETIRED).order_by()
    grouped = held.values_list("collection_id", "kind", "state", "licence").annotate(number=Count("pk"))
    for pk, kind, state, licence, number in grouped:
        counts[pk][kind] += number
        counts[pk]["drafts"] += number if state in (State.DRAFT, State.REVIEW) else 0
        licences[pk].add(licence)
    lists: dict[int, int] = defaultdict(int)
    for pk, state, number in gamuts.order_by().values_list("collection_id", "state").annotate(number=Count("pk")):
        lists[pk] += number
        counts[pk]["drafts"] += number if state == State.DRAFT else 0
    return [
        CollectionCounts(
            collection,
            counts[collection.pk][Kind.CASE],
            counts[collection.pk][Kind.GUIDELINE],
            counts[collection.pk][Kind.LITERATURE],
            counts[collection.pk]["drafts"],
            sorted(licence for licence in licences[collection.pk] if licence),
            lists[collection.pk],
        )
        for collection in Collection.objects.filter(pk__in=counts)
    ]
