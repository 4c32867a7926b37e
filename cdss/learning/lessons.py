"""The cases a ranking is learned on: published ones of the library, and consultations whose diagnosis is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np

from cdss.accounts.models import User
from cdss.consultations.exclusion import case_words, showing
from cdss.consultations.models import Consultation, Status
from cdss.consultations.working import case_of
from cdss.consultations.working import pixels_of as stored_pixels_of
from cdss.evaluation.cases import KnownCase
from cdss.evaluation.workbench import Progress, Workbench, copies_of, pixels_of
from cdss.indexing.taught.lessons import topic_documents
from cdss.learning.said import Confirmed, Votes, confirmed_diagnoses
from cdss.library.models import Case
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.naming import same_as_any
from cdss.reasoning.types import CaseInput
from retrieval.copies import words_of
from retrieval.types import Ids, Pixels

NOTHING_CONFIRMED = Confirmed("", 0.0)
ANSWERED = (Status.DONE, Status.ABSTAINED)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A case whose diagnosis is known. `left_out` is no evidence for it; `topics` are the documents about its disease.

    `marks` say what it must not share with a case of another fold: disease, patient, image.
    `has_sibling` tells whether the library holds another case of the same disease, or the case is not in the library,
    so that leaving it out of its own evidence takes nothing from what is known of its disease.
    """

    key: str
    case: CaseInput
    names: Sequence[str]
    count: float
    left_out: Ids
    topics: Ids
    siblings: Ids
    in_library: bool
    marks: frozenset[tuple[str, str]]
    load_pixels: Callable[[], Sequence[Pixels]] = field(repr=False)
    has_images: bool = False
    user: User | None = None

    @property
    def has_sibling(self) -> bool:
        return not self.in_library or len(self.siblings) > 0

    @property
    def digest(self) -> str:
        return sha256(self.key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What of the library every lesson is held against."""

    words: Mapping[int, frozenset[str]]
    names: Mapping[int, tuple[str, ...]]

    def siblings(self, names: Sequence[str], left_out: Ids) -> Ids:
        own = set(left_out.tolist())
        found = [
            item
            for item, theirs in self.names.items()
            if item not in own and any(same_as_any(name, names) for name in theirs)
        ]
        return np.array(found, dtype=np.int64)


def lessons_of(cases: Sequence[KnownCase], *, seed: int, progress: Progress) -> list[Lesson]:
    """Of these cases of the library, and of every consultation with a confirmed diagnosis."""
    shelf = _shelf()
    bench = Workbench(cases, seed, progress)
    documents = topic_documents([(known.topic, known.topic_title or known.diagnosis) for known in cases])
    groups = dict(Case.objects.filter(pk__in=[known.item for known in cases]).values_list("pk", "source_group"))
    library = [
        _of_case(known, left_out, topics, groups.get(known.item, ""), shelf)
        for known, left_out, topics in zip(cases, bench.excluded, documents, strict=True)
    ]
    return library + _of_consultations(shelf)


def _shelf() -> _Shelf:
    cases = list(Case.objects.published().only("pk", "history", "exam", "findings", "diagnosis", "topic_title"))
    return _Shelf(
        {item.pk: words_of(case_words(item)) for item in cases},
        {item.pk: tuple(name for name in (item.diagnosis, item.topic_title) if name) for item in cases},
    )


def _of_case(known: KnownCase, left_out: Ids, topics: set[int], patient: str, shelf: _Shelf) -> Lesson:
    marks = _marks(known.names) | {("topic", known.topic)} if known.topic else _marks(known.names)
    if patient:
        marks |= {("patient", patient)}
    marks |= {("image", image.stored.sha256) for image in known.images if image.stored is not None}
    return Lesson(
        key=f"case:{known.source_id}",
        case=known.case,
        names=known.names,
        count=1.0,
        left_out=left_out,
        topics=np.array(sorted(topics), dtype=np.int64),
        siblings=shelf.siblings(known.names, left_out),
        in_library=True,
        marks=frozenset(marks),
        load_pixels=lambda: [frame for image in known.images for frame in pixels_of(image)],
        has_images=bool(known.images),
    )


def _of_consultations(shelf: _Shelf) -> list[Lesson]:
    confirmed = confirmed_diagnoses()
    rows = Consultation.objects.filter(pk__in=confirmed, status__in=ANSWERED).select_related("user")
    asked = [row for row in rows.prefetch_related("images").order_by("pk") if case_of(row).has_words]
    documents = topic_documents([("", confirmed[row.pk].name) for row in asked])
    return [
        _of_consultation(row, confirmed[row.pk], topics, shelf) for row, topics in zip(asked, documents, strict=True)
    ]


def _of_consultation(row: Consultation, confirmed: Confirmed, topics: set[int], shelf: _Shelf) -> Lesson:
    case, left_out = case_of(row), own_evidence(row, shelf.words)
    names = (confirmed.name,) if confirmed.name else ()
    images = frozenset(("image", image.sha256) for image in row.images.all())
    return Lesson(
        key=f"consultation:{row.pk}",
        case=case,
        names=names,
        count=confirmed.count,
        left_out=left_out,
        topics=np.array(sorted(topics), dtype=np.int64),
        siblings=shelf.siblings(names, left_out),
        in_library=False,
        marks=_marks(names) | images,
        load_pixels=lambda: stored_pixels_of(row),
        has_images=bool(images),
        user=row.user,
    )


def own_evidence(row: Consultation, words: Mapping[int, frozenset[str]]) -> Ids:
    """Cases of the library that are this one: it was started from, copies of its words, or with an image of its own."""
    hashes = [image.sha256 for image in row.images.all()]
    started_from = [row.library_case_id] if row.library_case_id else []
    copies = np.union1d(copies_of(case_of(row).text, words), showing(hashes))
    return np.union1d(copies, np.array(started_from, dtype=np.int64))


def _marks(names: Sequence[str]) -> frozenset[tuple[str, str]]:
    return frozenset(("disease", concept.key) for name in names if (concept := concept_of(name)))


def voted_lessons(votes: Sequence[Votes]) -> list[Lesson]:
    """Of each group of votes its consultation; what its diagnosis is, the votes do not say."""
    words = _shelf().words
    return [
        replace(_of_consultation(each.consultation, NOTHING_CONFIRMED, set(), _Shelf(words, {})), count=each.raters)
        for each in votes
    ]
