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


# None where the question does not arise: an empty draft has no image without a caption, and is not praised for it.
Holds = Callable[[Mapping[str, Any]], bool | None]


def _has(name: str) -> Holds:
    return lambda content: bool(content.get(name))


def _of(name: str, holds: Callable[[Mapping[str, Any]], bool]) -> Holds:
    return lambda content: holds(content) if content.get(name) else None


def _of_images(holds: Callable[[Mapping[str, Any]], bool]) -> Holds:
    return _of("images", lambda content: all(map(holds, content["images"])))


_PARTS: tuple[tuple[str, str, str, Holds, bool], ...] = (
    ("A title", "Lists and citations show it.", "title", _has("title"), True),
    ("A title while unknown", "Without one, learners who are not to know the diagnosis see none.", "alternative_title",
     _has("alternative_title"), False),
    ("The title while unknown keeps the diagnosis", "It names the diagnosis: a learner would read the answer.",
     "alternative_title", _of("alternative_title", lambda content: not _gives_away(content)), False),
    ("History", "It is what a learner is given first, and what a similar case is found by.", "history",
     _has("history"), False),
    ("Findings", "Search and the differential rest on the words of the findings.", "findings",
     lambda content: len(words_of(content.get("findings", ""))) >= FEWEST_FINDINGS, True),
    ("A diagnosis", "Without one the case can speak for no diagnosis.", "diagnosis", _has("diagnosis"), True),
    ("How certain it is", "A reader has to know whether it was proven.", "certainty", _has("certainty"), False),
    ("How it was confirmed", "A certain diagnosis says by what.", "confirmed_by",
     lambda content: bool(content.get("confirmed_by")) if content.get("certainty") == "certain" else None, False),
    ("A differential diagnosis", "It tells what else it could have been, and feeds quizzes.", "differential",
     _has("differential"), False),
    ("A discussion", "It is what answers cite most.", "discussion", _has("discussion"), False),
    ("An image", "A case of imaging is learned from its images.", "images", _has("images"), False),
    ("A key image", "It stands for the case in lists and quizzes.", "images",
     _of("images", lambda content: any(each["key"] for each in content["images"])), False),
    ("A caption for every image", "It says what is to be seen, and lets text find the image.", "images",
     _of_images(lambda each: bool(each["caption"])), False),
    ("Modality and region of every image", "Lists are narrowed by them.", "images",
     _of_images(lambda each: bool(each["modality"] and each["region"])), False),
    ("A licence for every image", "Nobody may pass on what has none.", "images",
     _of("images", lambda content: bool(content.get("licence")) or all(each["licence"] for each in content["images"])),
     True),
    ("A licence of the text", "Nobody may pass on what has none.", "licence", _has("licence"), True),
    ("Learning points", "What is to be remembered, in a sentence each.", "learning_points", _has("learning_points"),
     False),
    ("Difficulty", "Courses choose by it.", "difficulty", _has("difficulty"), False),
    ("Coded findings or keywords", "They find the case under other words.", "codes",
     lambda content: bool(content.get("codes") or content.get("keywords")), False),
    ("References", "What the discussion rests on.", "references", _has("references"), False),
    ("References of the right form", "A DOI or PMID that is written wrongly leads nowhere.", "references",
     _of("references", lambda content: not reference_problems(content["references"])), False),
    ("Authors", "They are named where the case is passed on.", "authors", _has("authors"), False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Completeness:
    parts: tuple[Part, ...]

    @property
    def percent(self) -> int:
        """Never more than is so: 100 when nothing is missing, and not before."""
        return 100 * sum(part.done for part in self.parts) // len(self.parts)

    @property
    def missing(self) -> list[Part]:
        return [part for part in self.parts if not part.done]

    @property
    def needed(self) -> list[Part]:
        return [part for part in self.parts if part.needed and not part.done]


def completeness_of(content: Mapping[str, Any]) -> Completeness:
    asked = ((name, why, field, holds(content), needed) for name, why, field, holds, needed in _PARTS)
    return Completeness(
        tuple(Part(name, why, field, done, needed) for name, why, field, done, needed in asked if done is not None)
    )


def _gives_away(content: Mapping[str, Any]) -> bool:
    named = words_of(content.get("diagnosis", ""))
    return bool(named) and named <= words_of(content.get("alternative_title", ""))
