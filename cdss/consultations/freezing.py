"""The evidence an answer may cite, frozen as it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cdss.consultations.evidence import Found, Retrieved
from cdss.library.models import Case, CaseImage, Document, Passage
from cdss.reasoning.composer import Sources
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.types import CONFIRMED, EvidenceText
from retrieval.types import KINDS

KEPT_OF_EACH_KIND = 4
KEPT_OF_EACH_CANDIDATE = 3
# A longer item is read through a window around its best passage.
READ_LIMIT = 6000
Names = Sequence[tuple[str, float]]
SHOWN_DETAILS = ("authors", "journal", "publisher", "published", "url", "reference", "status")


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


def freeze(retrieved: Retrieved) -> list[EvidenceDraft]:
    """The items the answer may cite, most relevant first, labelled E1, E2, …"""
    kept: dict[int, None] = {}
    ranked = sorted(retrieved.found.values(), key=lambda found: (-found.relevance, found.item.pk))
    for kind in KINDS:
        # Reference items last: they are kept of their kind only where nothing else is.
        found_of_kind = sorted((f for f in ranked if f.item.kind == kind), key=lambda f: f.item.collection.reference)
        kept |= dict.fromkeys([found.item.pk for found in found_of_kind][:KEPT_OF_EACH_KIND])
    for candidate in retrieved.candidates:
        kept |= dict.fromkeys(candidate.items[:KEPT_OF_EACH_CANDIDATE])
    return frozen([found for found in ranked if found.item.pk in kept])


def frozen(chosen: Sequence[Found], *, first: int = 1) -> list[EvidenceDraft]:
    """The items in this order; the first is labelled with the number `first`."""
    passages = Passage.objects.in_bulk([found.hit.passages[0] for found in chosen if found.hit.passages])
    images = _first_images(found.item.pk for found in chosen if found.hit.image is None)
    return [
        _frozen(
            f"E{place}",
            found,
            passages.get(found.hit.passages[0]) if found.hit.passages else None,
            found.hit.image or images.get(found.item.pk),
        )
        for place, found in enumerate(chosen, start=first)
    ]


def _first_images(cases: Iterable[int]) -> dict[int, int]:
    """The first image of each case that has one."""
    last_first = CaseImage.objects.filter(case__in=list(cases)).order_by("-position")
    return dict(last_first.values_list("case_id", "pk"))


def _frozen(label: str, found: Found, passage: Passage | None, image: int | None) -> EvidenceDraft:
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
        image=image,
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
    if item.collection.reference:
        details["reference_tier"] = True
    if isinstance(item, Case):
        return details | {"diagnosis": item.diagnosis, "age": item.age, "sex": item.sex}
    return details | {name: getattr(item, name) for name in SHOWN_DETAILS if getattr(item, name)}


def sources_of(retrieved: Retrieved, evidence: Sequence[EvidenceDraft]) -> Sources:
    names = {item: one.names for item, one in retrieved.found.items()}
    return sources_from(names, {draft.item: draft.text for draft in evidence})


def sources_from(names: Mapping[int, Names], evidence: Mapping[int, EvidenceText]) -> Sources:
    """The evidence as the composer reads it: what each piece is about, and which diagnoses it merely lists. `names` are
    those of all that was found, with the weight of each."""
    called: dict[str, list[str]] = {}
    for given in names.values():
        for concept, name in _concepts(given, confirmed=True):
            called.setdefault(concept, []).append(name)
    return Sources(
        evidence=evidence,
        about={item: frozenset(key for key, _ in _concepts(names[item], confirmed=True)) for item in evidence},
        listed={item: dict(_concepts(names[item], confirmed=False)) for item in evidence},
        names=called,
    )


def _concepts(names: Names, *, confirmed: bool) -> Iterator[tuple[str, str]]:
    """The diagnoses an item is about, or else those it merely lists, each with the name it gives."""
    for name, weight in names:
        if (weight == CONFIRMED) == confirmed and (concept := concept_of(name)):
            yield concept.key, name
