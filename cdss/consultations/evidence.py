"""From a case to the evidence it is answered from, frozen as it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np
from django.db.models import Q

from cdss.accounts.models import User
from cdss.indexing.services import search_library
from cdss.library.models import Case, Document, Kind, LibraryItem, Passage
from cdss.reasoning.candidates import CONFIRMED, names_of_case, names_of_document, propose, relevance_within
from cdss.reasoning.composer import Sources
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.types import Candidate, CaseInput, EvidenceText, Lead
from retrieval.terms import tokens
from retrieval.types import KINDS, Hit, Ids, Pixels, Query

# How many items of each kind are found; all of them suggest candidates, a few are kept as evidence.
DEPTH: Mapping[str, int] = {Kind.CASE: 40, Kind.LITERATURE: 60, Kind.GUIDELINE: 12}
IMAGE_DEPTH = 8
# Similar pictures suggest candidates but decide little: a strong image side makes a text ranking worse.
IMAGE_WEIGHT = 0.1
KEPT_OF_EACH_KIND = 4
KEPT_OF_EACH_CANDIDATE = 3
# A longer item is read through a window around its best passage.
READ_LIMIT = 6000
# Share of words two cases have in common from which one is taken for a copy of the other.
NEAR_DUPLICATE = 0.8
SHOWN_DETAILS = ("authors", "journal", "publisher", "published", "url", "reference", "status")


@dataclass(frozen=True, slots=True)
class Scope:
    """Who searches and what stays out. Without a user it is the command line: everything published."""

    user: User | None = None
    excluded_source_id: str = ""


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

    @property
    def best_dense(self) -> float:
        return max((found.hit.scores.get("dense", 0.0) for found in self.found.values()), default=0.0)

    @property
    def shares_words(self) -> bool:
        return any(found.hit.scores.get("lexical", 0.0) > 0 for found in self.found.values())


@dataclass(frozen=True, slots=True)
class EvidenceDraft:
    """A piece of evidence and where it comes from. `item_start` is where its text starts in the item's."""

    text: EvidenceText
    item: int
    image: int | None
    source_name: str
    item_start: int
    item_hash: str
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def text_sha256(self) -> str:
        return sha256(self.text.text.encode()).hexdigest()


def retrieve(*, case: CaseInput, pixels: Sequence[Pixels], scope: Scope) -> Retrieved:
    excluded = _excluded(scope)
    hits: dict[int, Hit] = {}
    relevance: dict[int, float] = {}
    queries = [Query(text=case.text, kinds=(kind,), k=DEPTH[kind], excluded=excluded) for kind in KINDS]
    searched = [search_library(user=scope.user, query=query) for query in queries]
    for result in searched:
        hits |= {hit.item: hit for hit in result.hits}
        relevance |= relevance_within({hit.item: hit.scores for hit in result.hits})
    if pixels:
        query = Query(images=tuple(pixels), kinds=("case",), k=IMAGE_DEPTH, excluded=excluded)
        _add_images(search_library(user=scope.user, query=query).hits, hits, relevance)
    found = {item.pk: found for item in _items(hits) if (found := _found(item, hits, relevance))}
    found = {pk: one for pk, one in found.items() if not (scope.excluded_source_id and _is_copy(one.item, case))}
    leads = [Lead(pk, one.item.kind, one.relevance, one.names) for pk, one in found.items()]
    last = searched[-1]
    return Retrieved(found, propose(leads), last.index_version, last.text_encoder, last.image_encoder)


def _excluded(scope: Scope) -> Ids | None:
    if not scope.excluded_source_id:
        return None
    same = LibraryItem.objects.filter(source_id=scope.excluded_source_id)
    # Items of one patient share a group.
    patients = same.exclude(source_group="").values("source_group")
    left_out = LibraryItem.objects.filter(Q(pk__in=same.values("pk")) | Q(source_group__in=patients))
    return np.fromiter(left_out.order_by().values_list("pk", flat=True), dtype=np.int64)


def _add_images(found: Sequence[Hit], hits: dict[int, Hit], relevance: dict[int, float]) -> None:
    scores = [hit.scores.get("image", 0.0) for hit in found]
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    for hit, score in zip(found, scores, strict=True):
        closeness = (score - low) / (high - low) if high > low else 1.0
        relevance[hit.item] = min(1.0, relevance.get(hit.item, 0.0) + IMAGE_WEIGHT * closeness)
        known = hits.get(hit.item, hit)
        hits[hit.item] = replace(known, image=hit.image, scores={**known.scores, "image": score})


def _items(hits: Mapping[int, Hit]) -> Iterator[Case | Document]:
    yield from Case.objects.filter(pk__in=hits).select_related("collection")
    yield from Document.objects.filter(pk__in=hits).select_related("collection")


def _found(item: Case | Document, hits: Mapping[int, Hit], relevance: Mapping[int, float]) -> Found:
    if isinstance(item, Case):
        names = names_of_case(item.diagnosis, item.topic_title, item.differential)
    else:
        names = names_of_document(item.title)
    return Found(item, hits[item.pk], relevance.get(item.pk, 0.0), names)


def _is_copy(item: Case | Document, case: CaseInput) -> bool:
    if not isinstance(item, Case):
        return False
    mine = set(tokens(case.text))
    theirs = set(tokens("\n".join((item.history, item.exam, item.findings))))
    return len(mine & theirs) > NEAR_DUPLICATE * max(len(mine | theirs), 1)


def freeze(retrieved: Retrieved) -> list[EvidenceDraft]:
    """The items the answer may cite, most relevant first, labelled E1, E2, …"""
    kept: dict[int, None] = {}
    ranked = sorted(retrieved.found.values(), key=lambda found: (-found.relevance, found.item.pk))
    for kind in KINDS:
        kept |= dict.fromkeys([found.item.pk for found in ranked if found.item.kind == kind][:KEPT_OF_EACH_KIND])
    for candidate in retrieved.candidates:
        kept |= dict.fromkeys(candidate.items[:KEPT_OF_EACH_CANDIDATE])
    chosen = [found for found in ranked if found.item.pk in kept]
    passages = Passage.objects.in_bulk([found.hit.passages[0] for found in chosen if found.hit.passages])
    return [
        _frozen(f"E{place}", found, passages.get(found.hit.passages[0]) if found.hit.passages else None)
        for place, found in enumerate(chosen, start=1)
    ]


def _frozen(label: str, found: Found, passage: Passage | None) -> EvidenceDraft:
    item = found.item
    start, end = _window(item.text, passage)
    return EvidenceDraft(
        text=EvidenceText(
            label=label,
            kind=item.kind,
            source_id=item.source_id,
            title=item.title,
            text=item.text[start:end],
            score=round(found.relevance, 4),
            details=_details(item),
        ),
        item=item.pk,
        image=found.hit.image or _first_image(item),
        source_name=item.source_name,
        item_start=start,
        item_hash=item.content_hash,
        scores={name: round(float(score), 4) for name, score in found.hit.scores.items()},
    )


def _window(text: str, passage: Passage | None) -> tuple[int, int]:
    if len(text) <= READ_LIMIT:
        return 0, len(text)
    middle = (passage.start + passage.end) // 2 if passage else 0
    start = min(max(0, middle - READ_LIMIT // 2), len(text) - READ_LIMIT)
    # From one line break to another, so that no sentence is read by half.
    begin = text.find("\n", start) + 1 if start else 0
    stop = text.rfind("\n", begin, start + READ_LIMIT) if start + READ_LIMIT < len(text) else len(text)
    if passage and not (begin <= passage.start and passage.end <= stop):
        return start, start + READ_LIMIT
    return begin, stop


def _details(item: Case | Document) -> dict[str, object]:
    details: dict[str, object] = {
        "collection": item.collection.name,
        "licence": item.licence,
        "synthetic": item.synthetic,
    }
    if isinstance(item, Case):
        return details | {"diagnosis": item.diagnosis, "age": item.age, "sex": item.sex}
    return details | {name: getattr(item, name) for name in SHOWN_DETAILS if getattr(item, name)}


def _first_image(item: Case | Document) -> int | None:
    return item.images.values_list("pk", flat=True).first() if isinstance(item, Case) else None


def sources_of(retrieved: Retrieved, evidence: Sequence[EvidenceDraft]) -> Sources:
    """The evidence as the composer reads it: what each piece is about, and which diagnoses it merely lists."""
    about: dict[int, frozenset[str]] = {}
    listed: dict[int, dict[str, str]] = {}
    for draft in evidence:
        found = retrieved.found[draft.item]
        about[draft.item] = frozenset(
            c.key for name, weight in found.names if weight == CONFIRMED and (c := concept_of(name))
        )
        listed[draft.item] = {
            c.key: name for name, weight in found.names if weight < CONFIRMED and (c := concept_of(name))
        }
    return Sources({draft.item: draft.text for draft in evidence}, about, listed, _names(retrieved))


def _names(retrieved: Retrieved) -> dict[str, list[str]]:
    """What the diseases are called that the items found are about."""
    names: dict[str, list[str]] = {}
    for found in retrieved.found.values():
        for name, weight in found.names:
            if weight == CONFIRMED and (concept := concept_of(name)):
                names.setdefault(concept.key, []).append(name)
    return names
