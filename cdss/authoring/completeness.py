"""What a teaching case should have, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cdss.authoring.content import reference_problems
from retrieval.copies import words_of

FEWEST_FINDINGS = 5


@dataclass(frozen=True, slots=True)
class Part:
    """`field` is where it is mended; a case without one that is `needed` is not published."""

    name: str
    why: str
    field: str
    done: bool
    needed: bool = False


def _has(name: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda content: bool(content.get(name))


_PARTS: tuple[tuple[str, str, str, Callable[[Mapping[str, Any]], bool], bool], ...] = (
    ("A title", "Lists and citations show it.", "title", _has("title"), True),
    ("A title while unknown", "Without one, learners who are not to know the diagnosis see none.", "alternative_title",
     _has("alternative_title"), False),
    ("The title while unknown keeps the diagnosis", "It names the diagnosis: a learner would read the answer.",
     "alternative_title", lambda content: not _gives_away(content), False),
    ("History", "It is what a learner is given first, and what a similar case is found by.", "history",
     _has("history"), False),
    ("Findings", "Search and the differential rest on the words of the findings.", "findings",
     lambda content: len(words_of(content.get("findings", ""))) >= FEWEST_FINDINGS, True),
    ("A diagnosis", "Without one the case can speak for no diagnosis.", "diagnosis", _has("diagnosis"), True),
    ("How certain it is", "A reader has to know whether it was proven.", "certainty", _has("certainty"), False),
    ("How it was confirmed", "A certain diagnosis says by what.", "confirmed_by",
     lambda content: bool(content.get("confirmed_by")) or content.get("certainty") != "certain", False),
    ("A differential diagnosis", "It tells what else it could have been, and feeds quizzes.", "differential",
     _has("differential"), False),
    ("A discussion", "It is what answers cite most.", "discussion", _has("discussion"), False),
    ("An image", "A case of imaging is learned from its images.", "images", _has("images"), False),
    ("A key image", "It stands for the case in lists and quizzes.", "images",
     lambda content: not content["images"] or any(each["key"] for each in content["images"]), False),
    ("A caption for every image", "It says what is to be seen, and lets text find the image.", "images",
     lambda content: all(each["caption"] for each in content["images"]), False),
    ("Modality and region of every image", "Lists are narrowed by them.", "images",
     lambda content: all(each["modality"] and each["region"] for each in content["images"]), False),
    ("A licence for every image", "Nobody may pass on what has none.", "images",
     lambda content: all(each["licence"] or content.get("licence") for each in content["images"]), True),
    ("A licence of the text", "Nobody may pass on what has none.", "licence", _has("licence"), True),
    ("Learning points", "What is to be remembered, in a sentence each.", "learning_points", _has("learning_points"),
     False),
    ("Difficulty", "Courses choose by it.", "difficulty", _has("difficulty"), False),
    ("Coded findings or keywords", "They find the case under other words.", "codes",
     lambda content: bool(content.get("codes") or content.get("keywords")), False),
    ("References", "What the discussion rests on.", "references", _has("references"), False),
    ("References of the right form", "A DOI or PMID that is written wrongly leads nowhere.", "references",
     lambda content: not reference_problems(content.get("references", [])), False),
    ("Authors", "They are named where the case is passed on.", "authors", _has("authors"), False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Completeness:
    parts: tuple[Part, ...]

    @property
    def percent(self) -> int:
        return round(100 * sum(part.done for part in self.parts) / len(self.parts))

    @property
    def missing(self) -> list[Part]:
        return [part for part in self.parts if not part.done]

    @property
    def needed(self) -> list[Part]:
        return [part for part in self.parts if part.needed and not part.done]


def completeness_of(content: Mapping[str, Any]) -> Completeness:
    return Completeness(
        tuple(Part(name, why, field, holds(content), needed) for name, why, field, holds, needed in _PARTS)
    )


def _gives_away(content: Mapping[str, Any]) -> bool:
    named = words_of(content.get("diagnosis", ""))
    return bool(named) and named <= words_of(content.get("alternative_title", ""))
