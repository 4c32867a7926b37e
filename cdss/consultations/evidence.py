"""From a case to what a search finds for it, and the candidates that suggests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from django.conf import settings

from cdss.accounts.models import User
from cdss.consultations.exclusion import is_copy, own_items, showing
from cdss.indexing.searching import Found as Searched
from cdss.indexing.searching import library_breadth, reference_ids, search_library_each, search_library_under
from cdss.indexing.tiers import MOST_REFERENCE, behind, relevance_behind
from cdss.library.ages import age_years
from cdss.library.models import Case, Document, Kind
from cdss.ranking.serving import active_weights
from cdss.ranking.weights import WeightSet
from cdss.reasoning.candidates import (
    names_of_case,
    names_of_document,
    propose,
    weakest_to_best,
    weigh,
)
from cdss.reasoning.comparing import Item, compared
from cdss.reasoning.patients import Patient, sex_of
from cdss.reasoning.ranking import DiagnosisModel
from cdss.reasoning.types import CONFIRMED, Candidate, CaseInput, Lead
from retrieval.types import KINDS, Hit, Ids, Pixels, Query
from retrieval.types import Kind as KindName

# How many items of each kind are found; all of them suggest candidates, a few are kept as evidence.
DEPTH: Mapping[str, int] = {Kind.CASE: 40, Kind.LITERATURE: 60, Kind.GUIDELINE: 12}
IMAGE_DEPTH = 8
# Of what is searched for beside the case: an item about it is far ahead of others, whatever else the text holds.
LOOK_UP_DEPTH = 30
# What a reference item is worth at most, beside the best of the literature.
REFERENCE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Scope:
    """Who searches and what stays out. Without a user it is the command line: everything published."""

    user: User | None = None
    excluded_source_id: str = ""
    # SHA-256 of images whose cases stay out with it, under whatever id.
    excluded_images: frozenset[str] = frozenset()
    # Items that take part in nothing, where the caller knows them better than by the source id.
    left_out: Ids | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    item: Case | Document
    hit: Hit
    relevance: float
    names: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a search brought: the items, the candidates they suggest, and how well the best of them fits."""

    found: Mapping[int, Found]
    candidates: Sequence[Candidate]
    index_version: str
    text_encoder: str
    image_encoder: str
    weights: WeightSet
    # Of the cross-encoder that read what was found again, or why it did not; empty without one.
    cross_encoder: str = ""
    # What the candidates were weighed by: kept, so that they can be weighed again.
    leads: Sequence[Lead] = ()
    # A case without a word: what was found was found by its images.
    by_images: bool = False
    # Of how many diagnoses the library tells, reference collections aside.
    breadth: int = 0

    @property
    def best_image(self) -> float:
        return max((found.hit.scores.get("image", 0.0) for found in self.found.values()), default=0.0)

    @property
    def best_dense(self) -> float:
        return max((found.hit.scores.get("dense", 0.0) for found in self.found.values()), default=0.0)

    @property
    def shares_words(self) -> bool:
        return any(found.hit.scores.get("lexical", 0.0) > 0 for found in self.found.values())


def retrieve(
    *,
    case: CaseInput,
    pixels: Sequence[Pixels],
    scope: Scope,
    told: CaseInput | None = None,
    weights: WeightSet | None = None,
) -> Retrieved:
    """`told` is the case with its corrections, where what is searched with leaves some of it out."""
    each = [weights or active_weights()]
    return retrieve_each(case=case, pixels=pixels, scope=scope, told=told, weights=each)[0]


def retrieve_each(
    *,
    case: CaseInput,
    pixels: Sequence[Pixels],
    scope: Scope,
    weights: Sequence[WeightSet],
    told: CaseInput | None = None,
) -> list[Retrieved]:
    """What one search brings, put in order by each of these weights."""
    excluded = _excluded(scope)
    kinds = KINDS if case.has_words else ()
    reference = reference_ids() if kinds else np.zeros(0, dtype=np.int64)
    chosen = reference if excluded is None else np.union1d(excluded, reference)
    queries = [Query(text=case.text, kinds=(kind,), k=DEPTH[kind], excluded=chosen) for kind in kinds]
    if reference.size:
        queries.append(Query(text=case.text, k=MOST_REFERENCE, excluded=excluded, allowed=reference))
    if pixels:
        queries.append(Query(images=tuple(pixels), kinds=("case",), k=IMAGE_DEPTH, excluded=excluded))
    rankers = [each.search for each in weights]
    searched = search_library_under(user=scope.user, queries=queries, rankers=rankers)
    breadth = library_breadth(beside=reference) if kinds else 0
    items: dict[int, Case | Document] = {}
    return [
        _ranked([found[place] for found in searched], each, case, told or case, scope, kinds, reference, breadth, items)
        for place, each in enumerate(weights)
    ]


def _ranked(
    searched: Sequence[Searched],
    weights: WeightSet,
    case: CaseInput,
    told: CaseInput,
    scope: Scope,
    kinds: Sequence[KindName],
    reference: Ids,
    breadth: int,
    items: dict[int, Case | Document],
) -> Retrieved:
    """`items` are those that were read before, and takes in what else this order of things needs."""
    hits: dict[int, Hit] = {}
    relevance: dict[int, float] = {}
    by_kind, others = searched[: len(kinds)], list(searched[len(kinds) :])
    for result in by_kind:
        hits |= {hit.item: hit for hit in result.hits}
        relevance |= weakest_to_best({hit.item: hit.scores["rerank"] for hit in result.hits})
    if reference.size:
        _add_reference(others.pop(0).hits, by_kind[KINDS.index("literature")].hits, hits, relevance)
    for result in others:
        if kinds:
            _add_images(result.hits, hits, relevance, weights.image)
        else:
            hits = {hit.item: hit for hit in result.hits}
            relevance = {hit.item: hit.scores.get("image", 0.0) for hit in result.hits}
    items |= {item.pk: item for item in _items(hits.keys() - items.keys())}
    chosen = [item for pk, item in items.items() if pk in hits and not _is_left_out(item, case, scope)]
    found = {item.pk: _found(item, hits, relevance) for item in chosen}
    leads = [_lead(one) for one in found.values()]
    if not kinds:
        leads = [_by_image(lead) for lead in leads if lead.relevance >= settings.IMAGE_RELEVANCE_FLOOR]
    last = searched[-1]
    versions = (last.index_version, last.text_encoder, last.image_encoder)
    patient = patient_of(case)
    if kinds:
        leads = compared(leads, _named_items(found), told, patient)
    candidates = candidates_of(leads, patient=patient, by_images=not kinds, model=weights.diagnoses, breadth=breadth)
    return Retrieved(
        found,
        candidates,
        *versions,
        weights,
        cross_encoder=searched[0].cross_encoder if kinds else "",
        leads=leads,
        by_images=not kinds,
        breadth=breadth,
    )


def candidates_of(
    leads: Sequence[Lead], *, patient: Patient, by_images: bool, breadth: int, model: DiagnosisModel | None = None
) -> list[Candidate]:
    return propose(leads, patient=patient) if by_images else weigh(leads, model=model, patient=patient, breadth=breadth)


def look_up(
    *, texts: Sequence[str], wanted: Callable[[int, Found], bool], case: CaseInput, scope: Scope, floor: float = 0.0
) -> list[list[Found]]:
    """Of each text the wanted items it finds, its best first, each with its scores for the case and not for the text.

    So an item is as near to the case as it is, however well it fits what else was searched for; one that is farther
    than `floor`, or than what any answer may rest on, is left out. `wanted` is asked of each item with the place of
    its text.
    """
    excluded = _excluded(scope)
    queries = [Query(text=text, k=LOOK_UP_DEPTH, excluded=excluded) for text in texts]
    searched = [result.hits for result in search_library_each(user=scope.user, queries=queries, by_pairs=False)]
    hits = {hit.item: hit for found in searched for hit in found}
    items = {item.pk: _found(item, hits, {}) for item in _items(hits) if not _is_left_out(item, case, scope)}
    chosen = [
        [hit for hit in found if hit.item in items and wanted(place, items[hit.item])]
        for place, found in enumerate(searched)
    ]
    floor = max(floor, settings.RELEVANCE_FLOOR)
    near = _near_the_case({hit.item for found in chosen for hit in found}, case, scope, floor)
    return [[_as_near(items[hit.item], hit, near[hit.item]) for hit in found if hit.item in near] for found in chosen]


def _as_near(found: Found, by_text: Hit, by_case: Hit) -> Found:
    """Read where the text found it, and worth what it is to the case."""
    return replace(found, hit=replace(by_case, passages=by_text.passages), relevance=_cosine(by_case))


def _near_the_case(items: set[int], case: CaseInput, scope: Scope, floor: float) -> dict[int, Hit]:
    if not items:
        return {}
    allowed = np.array(sorted(items), dtype=np.int64)
    query = Query(text=case.text, k=len(allowed), allowed=allowed)
    (result,) = search_library_each(user=scope.user, queries=[query], by_pairs=False)
    return {hit.item: hit for hit in result.hits if _cosine(hit) >= floor and _shares_words(hit)}


def _cosine(hit: Hit) -> float:
    return max(hit.scores.get("dense", 0.0), 0.0)


def _shares_words(hit: Hit) -> bool:
    return hit.scores.get("lexical", 0.0) > 0


def patient_of(case: CaseInput) -> Patient:
    return Patient(age_years(case.age), sex_of(case.sex))


def _named_items(found: Mapping[int, Found]) -> dict[int, Item]:
    """Those that are about a diagnosis, as they are read."""
    return {
        pk: Item(one.item.kind, one.item.text, age_years(one.item.age) if isinstance(one.item, Case) else None)
        for pk, one in found.items()
        if any(weight == CONFIRMED for _, weight in one.names)
    }


def _lead(found: Found) -> Lead:
    scores = found.hit.scores
    return Lead(
        item=found.item.pk,
        kind=found.item.kind,
        relevance=found.relevance,
        names=found.names,
        rank=found.hit.rank if "rerank" in scores else 0,
        fit=scores.get("rerank", 0.0),
        lexical=scores.get("lexical", 0.0),
        dense=max(scores.get("dense", 0.0), 0.0),
        image=max(scores.get("image", 0.0), 0.0),
    )


def _by_image(lead: Lead) -> Lead:
    """A picture alike suggests what that case was, not what was thought of."""
    return replace(lead, names=[(name, weight) for name, weight in lead.names if weight == CONFIRMED])


def _excluded(scope: Scope) -> Ids | None:
    if scope.left_out is not None:
        return scope.left_out
    if not scope.excluded_source_id:
        return None
    return np.union1d(own_items(scope.excluded_source_id), showing(scope.excluded_images))


def _add_reference(
    found: Sequence[Hit], literature: Sequence[Hit], hits: dict[int, Hit], relevance: dict[int, float]
) -> None:
    """Reference items where the literature leaves room for them, or fits clearly less well."""
    chosen = {hit.item: hit.scores for hit in literature}
    added = [hit for hit in behind(literature, found, k=DEPTH[Kind.LITERATURE]) if hit.item not in chosen]
    relevance |= relevance_behind({hit.item: hit.scores for hit in added}, chosen, weight=REFERENCE_WEIGHT)
    # A place among reference items is none among the literature.
    hits |= {hit.item: replace(hit, scores=_without_place(hit.scores)) for hit in added}


def _without_place(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: score for name, score in scores.items() if name != "rerank"}


def _add_images(found: Sequence[Hit], hits: dict[int, Hit], relevance: dict[int, float], weight: float) -> None:
    closeness = weakest_to_best({hit.item: hit.scores.get("image", 0.0) for hit in found})
    for hit in found:
        relevance[hit.item] = min(1.0, relevance.get(hit.item, 0.0) + weight * closeness[hit.item])
        known = hits.get(hit.item, hit)
        hits[hit.item] = replace(known, image=hit.image, scores={**known.scores, "image": hit.scores.get("image", 0.0)})


def _items(hits: Collection[int]) -> Iterator[Case | Document]:
    yield from Case.objects.filter(pk__in=hits).select_related("collection")
    yield from Document.objects.filter(pk__in=hits).select_related("collection")


def _found(item: Case | Document, hits: Mapping[int, Hit], relevance: Mapping[int, float]) -> Found:
    if isinstance(item, Case):
        names = names_of_case(item.diagnosis, item.topic_title, item.differential)
    else:
        names = names_of_document(item.title)
    return Found(item, hits[item.pk], relevance.get(item.pk, 0.0), names)


def _is_left_out(item: Case | Document, case: CaseInput, scope: Scope) -> bool:
    """A copy of the case under another id, where its own source stays out."""
    return bool(scope.excluded_source_id) and isinstance(item, Case) and is_copy(case.text, item)
