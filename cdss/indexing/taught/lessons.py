"""What the library has to teach a text encoder, and the cases that are kept out of it to measure it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdss.indexing.splitting import encoded_text
from cdss.indexing.taught.grouping import groups_of
from cdss.library.models import Case, CaseImage, Kind, LibraryItem
from retrieval import passages
from retrieval.copies import copies
from retrieval.terms import normalise_name

if TYPE_CHECKING:
    from retrieval.adaptation.pairs import Lessons, Paper, Study
    from retrieval.adaptation.train import Unseen
    from retrieval.types import Ids, TextEncoder

# A part of a case that is a question of its own has this many characters at least.
SHORTEST = 60
# Tokens of one text that teaches, its title not counted.
PART_TOKENS = 104
# Of cases that tell when to stop, as a share of those that measure.
STOPPING_SHARE = 1 / 2
# Of the documents about no case's topic, that teach nothing.
OTHERS = 0.2
# Parts of other texts among which the right one has to be found while it is being taught.
DISTRACTORS = 400


@dataclass(frozen=True, slots=True)
class Held:
    """A case that teaches nothing: what is asked, what should be found, and what is no evidence for it."""

    case: int
    source: str
    group: int
    question: str
    wanted: frozenset[int]
    excluded: Ids


@dataclass(frozen=True, slots=True)
class Curriculum:
    """The library, parted: no case of a topic, patient, picture or copy is on two sides.

    Documents are there when a new case comes, so those about a topic that is held out teach too, by their own words;
    they are paired with no case.

    Args:
        lessons: what teaches.
        unseen: what tells when to stop.
        measured: what it is measured on.
        taught: sources of the cases that teach or tell when to stop.
        papers: documents that teach. Of those about no case's topic some are kept out, to see that nothing is lost.
    """

    lessons: Lessons
    unseen: Unseen
    measured: Sequence[Held]
    taught: frozenset[str]
    papers: frozenset[int]


# Of each curated document its title, its text in parts, and the same parts under the title, as they are encoded.
_Parts = dict[int, tuple[str, tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class _Told:
    """A case of the library with its place in it."""

    case: Case
    captions: Sequence[str]
    topics: frozenset[int]
    group: int
    name: str
    own: Ids


def curriculum_of(*, encoder: TextEncoder, share: float, seed: int) -> Curriculum:
    """Published cases and the documents about their topics. Synthetic cases teach nothing."""
    from retrieval.adaptation.pairs import Lessons, held_out

    told = _told()
    names = [each.name for each in told]
    measuring = {told[place].group for place in held_out(names, share=share, seed=seed).tolist()}
    stopping = {
        told[place].group for place in held_out(names, share=share * STOPPING_SHARE, seed=seed + 1).tolist()
    } - measuring
    teaching = [each for each in told if each.group not in measuring | stopping]
    parts = _parts(encoder)
    studies = [study for each in teaching if (study := _study(each, parts, encoder))]
    about = {topic: each.group for each in told for topic in each.topics}
    papers = _papers(parts, about, seed)
    return Curriculum(
        lessons=Lessons(studies, [paper for _, paper in papers]),
        unseen=_unseen([each for each in told if each.group in stopping], parts),
        measured=[_held(each) for each in told if each.group in measuring and each.topics],
        taught=frozenset(source_of(each.case) for each in told if each.group not in measuring),
        papers=frozenset(pk for pk, _ in papers),
    )


def source_of(case: Case) -> str:
    return source_key(case.source_name, case.source_id)


def source_key(name: str, source: str) -> str:
    return f"{name}\n{source}"


def topic_documents(topics: Sequence[tuple[str, str]]) -> list[set[int]]:
    """The documents about each topic: by the id a case names, or else by title."""
    by_id: defaultdict[str, set[int]] = defaultdict(set)
    by_title: defaultdict[str, set[int]] = defaultdict(set)
    documents = LibraryItem.objects.published().filter(kind=Kind.LITERATURE)
    for pk, source_id, title in documents.values_list("pk", "source_id", "title"):
        by_id[source_id].add(pk)
        # "collection-topic-pulmonary-hamartoma" is about the topic "pulmonary-hamartoma".
        by_id[source_id.rpartition("topic-")[2]].add(pk)
        by_title[normalise_name(title)].add(pk)
    return [by_id.get(topic, set()) or by_title.get(normalise_name(title), set()) for topic, title in topics]


def _told() -> list[_Told]:
    """The real cases that say something."""
    rows = Case.objects.published().filter(synthetic=False).order_by("source_name", "source_id")
    cases = [case for case in rows if _presented(case)]
    pictures: defaultdict[int, list[CaseImage]] = defaultdict(list)
    for image in CaseImage.objects.filter(case__in=rows).order_by("case", "position").iterator(500):
        pictures[image.case_id].append(image)
    same = [
        [f"case {case.pk}", *(f"picture {image.sha256}" for image in pictures[case.pk])]
        + ([f"patient {case.source_group}"] if case.source_group else [])
        for case in cases
    ]
    for first, second in copies([_presented(case) for case in cases]):
        same[second].append(same[first][0])
    topics = topic_documents([(case.topic, case.topic_title or case.diagnosis) for case in cases])
    topical = [
        [*keys, *(f"document {pk}" for pk in sorted(found)), *_subjects(case)]
        for keys, found, case in zip(same, topics, cases, strict=True)
    ]
    groups, patients = groups_of(topical), groups_of(same)
    names: dict[int, str] = {}
    owners: defaultdict[int, list[int]] = defaultdict(list)
    for case, group, patient in zip(cases, groups.tolist(), patients.tolist(), strict=True):
        names.setdefault(group, source_of(case))
        owners[patient].append(case.pk)
    return [
        _Told(
            case=case,
            captions=[image.caption for image in pictures[case.pk] if image.caption],
            topics=frozenset(found),
            group=group,
            name=names[group],
            own=np.array(sorted(owners[patient]), dtype=np.int64),
        )
        for case, found, group, patient in zip(cases, topics, groups.tolist(), patients.tolist(), strict=True)
    ]


def _presented(case: Case) -> str:
    """What a reader sees before the fold."""
    return "\n".join(filter(None, (case.history, case.exam, case.findings))).strip()


def _questions(case: Case) -> tuple[str, ...]:
    """The whole presentation first, then the parts of it that can stand alone."""
    parts = [text.strip() for text in (case.history, case.findings) if len(text.strip()) > SHORTEST]
    return tuple(dict.fromkeys([_presented(case), *parts]))


def _subjects(case: Case) -> list[str]:
    named = {normalise_name(name) for name in (case.topic_title, case.diagnosis) if name.strip()}
    return [f"topic {case.topic}"] * bool(case.topic) + [f"disease {name}" for name in sorted(named) if name]


def _parts(encoder: TextEncoder) -> _Parts:
    rows = LibraryItem.objects.published().exclude(kind=Kind.CASE).filter(collection__reference=False).order_by("pk")
    found: _Parts = {}
    for pk, title, text in rows.values_list("pk", "title", "text").iterator(200):
        parts = tuple(_split(text, encoder))
        found[pk] = title, parts, tuple(encoded_text(title, part, encoder) for part in parts)
    return found


def _split(text: str, encoder: TextEncoder) -> list[str]:
    found = passages.split(text, token_offsets=encoder.token_offsets, max_tokens=PART_TOKENS)
    return [passage.text for passage in found]


def _study(told: _Told, parts: _Parts, encoder: TextEncoder) -> Study | None:
    from retrieval.adaptation.pairs import Study

    case = told.case
    captions = " ".join(dict.fromkeys(told.captions))
    name = ". ".join(dict.fromkeys(filter(None, (case.topic_title, case.title, case.diagnosis))))
    study = Study(
        topic=told.group,
        questions=_questions(case),
        captions=captions if len(captions) > SHORTEST else "",
        name=name,
        # Without the title, which names the disease: what is said must be found by what it says.
        discussions=tuple(_split(case.discussion, encoder)),
        texts=tuple(text for pk in sorted(told.topics) if pk in parts for text in parts[pk][2]),
    )
    return study if study.texts or study.discussions else None


def _papers(parts: _Parts, about: dict[int, int], seed: int) -> list[tuple[int, Paper]]:
    """With their numbers. The topic of one that is about no case's is its own."""
    from retrieval.adaptation.pairs import Paper, held_out

    others = [pk for pk in parts if pk not in about]
    kept_out = {others[place] for place in held_out([f"document {pk}" for pk in others], share=OTHERS, seed=seed)}
    return [
        (pk, Paper(about.get(pk, -pk), title, bare, texts))
        for pk, (title, bare, texts) in parts.items()
        if texts and pk not in kept_out
    ]


def _unseen(stopping: Sequence[_Told], parts: _Parts) -> Unseen:
    from retrieval.adaptation.train import Unseen

    asked = [each for each in stopping if any(parts[pk][2] for pk in each.topics if pk in parts)]
    wanted = sorted({pk for each in asked for pk in each.topics if pk in parts})
    others = sorted(set(parts) - set(wanted))
    gallery: list[str] = []
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for pk in wanted:
        for text in parts[pk][2]:
            rows[pk].append(len(gallery))
            gallery.append(text)
    step = max(1, len(others) // DISTRACTORS)
    gallery += [parts[pk][2][0] for pk in others[::step][:DISTRACTORS] if parts[pk][2]]
    return Unseen(
        questions=[question for each in asked for question in _questions(each.case)],
        gallery=gallery,
        wanted=[
            np.array(sorted(row for pk in each.topics for row in rows[pk]), dtype=np.int64)
            for each in asked
            for _ in _questions(each.case)
        ],
    )


def _held(told: _Told) -> Held:
    return Held(told.case.pk, source_of(told.case), told.group, _presented(told.case), told.topics, told.own)
