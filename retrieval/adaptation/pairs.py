"""What belongs together: what is said of a case, with its own discussion and the texts about its topic."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.types import Ids

# Of one case in one epoch, with a random one of its questions each.
DISCUSSIONS = 2
# Pairs of a document alone, as a share of the pairs of the cases: what was general stays general, and what a name
# stands for is learned of topics that have no case.
DOCUMENT_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Study:
    """A case as it teaches.

    Args:
        topic: texts of one topic are no negatives of each other.
        questions: what is asked with: the whole presentation, or one part of it.
        captions: what is said of its images, as one text; may be empty.
        name: what it was found to be.
        discussions: parts of what is written about it.
        texts: parts of the documents about its topic.
    """

    topic: int
    questions: tuple[str, ...]
    captions: str = ""
    name: str = ""
    discussions: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it teaches.

    Args:
        topic: as of a `Study`.
        title: asks for its parts.
        parts: of its text.
        texts: the same parts as they are searched, under the title.
    """

    topic: int
    title: str
    parts: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A text that asks and the text that should be found."""

    topic: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Lessons:
    """Everything that teaches. An epoch draws its pairs anew, always as many."""

    studies: Sequence[Study]
    papers: Sequence[Paper] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over every text: a training goes on only with what it began with."""
        rows = [[s.topic, s.questions, s.captions, s.name, s.discussions, s.texts] for s in self.studies]
        rows += [[paper.topic, paper.title, paper.parts, paper.texts] for paper in self.papers]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def pairs(self, epoch: int, seed: int) -> list[Pair]:
        """The pairs of an epoch; the same numbers give the same ones."""
        random = np.random.default_rng((seed, epoch))
        found = [pair for study in self.studies for pair in _of_study(study, random)]
        of_papers: list[Pair] = []
        wanted = round(DOCUMENT_SHARE * len(found))
        for place in random.permutation(len(self.papers)).tolist():
            if len(of_papers) >= wanted:
                break
            of_papers += _of_paper(self.papers[place], random)
        found += of_papers[:wanted]
        return found


def _of_study(study: Study, random: np.random.Generator) -> list[Pair]:
    questions = study.questions
    found = [Pair(study.topic, question, _one(study.texts, random)) for question in questions if study.texts]
    if study.name:
        found.append(Pair(study.topic, questions[0], study.name))
    for place in random.permutation(len(study.discussions))[:DISCUSSIONS].tolist():
        found.append(Pair(study.topic, _one(questions, random), study.discussions[place]))
    told = study.texts or study.discussions
    if study.captions and told:
        found.append(Pair(study.topic, study.captions, _one(told, random)))
    return found


def _of_paper(paper: Paper, random: np.random.Generator) -> list[Pair]:
    """Its title with a part of it, and one part with another; a short document has only the first."""
    order = random.permutation(len(paper.parts)).tolist()[:2]
    found = [Pair(paper.topic, paper.title, paper.parts[place]) for place in order[:1]]
    if len(order) > 1:
        found.append(Pair(paper.topic, paper.parts[order[0]], paper.texts[order[1]]))
    return found


def _one(texts: Sequence[str], random: np.random.Generator) -> str:
    return texts[int(random.integers(len(texts)))]


def held_out(names: Sequence[str], *, share: float, seed: int) -> Ids:
    """Places of the groups that are held out, by a hash of their names: a library that grows keeps its parting."""
    return np.array(
        [
            place
            for place, name in enumerate(names)
            if int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big") < share * 2**64
        ],
        dtype=np.int64,
    )
