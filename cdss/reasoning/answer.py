"""From a model's text to drafts. Everything in it is data: bounded, cleaned, and its quotes looked up."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from cdss.reasoning.concepts import concept_of, dangerous_concepts
from cdss.reasoning.jsonstream import Closed, ObjectStream
from cdss.reasoning.prompts.schema import NAME_MAX, CitationAnswer, StatementAnswer, StepAnswer
from cdss.reasoning.quotes import locate
from cdss.reasoning.types import CitationDraft, DiagnosisDraft, EvidenceText, Stance, StatementDraft

MOST_DIAGNOSES = 12
MOST_STATEMENTS = 12
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ADDRESS = re.compile(r"\b(?:[a-z][a-z0-9+.\-]{1,15}://|www\.|mailto:|javascript:|data:\w+/)\S*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")

Progress = tuple[int, DiagnosisDraft, StatementDraft]


def clean(text: str) -> str:
    """One line of plain text without links, control characters or marks that turn the reading direction."""
    return " ".join(_ADDRESS.sub("", _LINK.sub(r"\1", _CONTROL.sub(" ", text))).split())


@dataclass(slots=True)
class Reading:
    """An answer as far as it has come."""

    evidence: Sequence[EvidenceText]
    candidates: Sequence[DiagnosisDraft]
    dropped: int = 0
    problem: str = ""
    _stream: ObjectStream = field(default_factory=ObjectStream)
    # By the place a diagnosis has in the answer: its rank here, or None when it is left out.
    _ranks: dict[int, int | None] = field(default_factory=dict)
    _drafts: list[DiagnosisDraft] = field(default_factory=list)
    _done: set[tuple[str | int, ...]] = field(default_factory=set)
    _abstained: bool = False

    @property
    def text(self) -> str:
        return self._stream.text

    @property
    def complete(self) -> bool:
        return self._stream.complete

    @property
    def statements(self) -> int:
        return sum(len(draft.statements) for draft in self._drafts)

    @property
    def usable(self) -> bool:
        return self.statements > 0 or self._abstained

    def diagnoses(self) -> list[DiagnosisDraft]:
        return list(self._drafts)

    def feed(self, chunk: str) -> Iterator[Progress]:
        for closed in self._stream.feed(chunk):
            yield from self._take(closed)

    def _take(self, closed: Closed) -> Iterator[Progress]:
        match closed.path:
            case ("diagnoses", int(place), ("statements" | "next_steps") as part, int()):
                # Without a name yet, the statement waits for its diagnosis to close.
                if name := closed.above.get("name"):
                    yield from self._statement(place, name, part, closed.path, closed.value)
            case ("diagnoses", int(place)):
                yield from self._diagnosis(place, closed.value)
            case ():
                self._root(closed.value)

    def _root(self, value: dict[str, object]) -> None:
        self._abstained = value.get("diagnoses") == []
        if not self.usable and not self.problem:
            self.problem = "it has no usable 'diagnoses'"

    def _diagnosis(self, place: int, value: dict[str, object]) -> Iterator[Progress]:
        name = value.get("name")
        for part in ("statements", "next_steps"):
            entries = value.get(part)
            for n, entry in enumerate(entries if isinstance(entries, list) else ()):
                path = ("diagnoses", place, part, n)
                if path not in self._done:
                    yield from self._statement(place, name if isinstance(name, str) else "", part, path, entry)

    def _statement(
        self, place: int, name: str, part: str, path: tuple[str | int, ...], value: object
    ) -> Iterator[Progress]:
        self._done.add(path)
        statement = self._draft(part, value)
        rank = self._rank(place, name) if statement else None
        if statement is None or rank is None or len(self._drafts[rank - 1].statements) >= MOST_STATEMENTS:
            self.dropped += 1
            return
        draft = self._drafts[rank - 1]
        self._drafts[rank - 1] = draft = replace(draft, statements=(*draft.statements, statement))
        yield rank, draft, statement

    def _rank(self, place: int, name: str) -> int | None:
        if place not in self._ranks:
            draft = diagnosis_draft(name, self.candidates)
            known = {other.concept for other in self._drafts}
            if draft is None or draft.concept in known or len(self._drafts) >= MOST_DIAGNOSES:
                self._ranks[place] = None
            else:
                self._drafts.append(draft)
                self._ranks[place] = len(self._drafts)
        return self._ranks[place]

    def _draft(self, part: str, value: object) -> StatementDraft | None:
        stance: Stance = "next"
        answer: StatementAnswer | StepAnswer
        try:
            if part == "statements":
                answer = StatementAnswer.model_validate(value)
                stance = answer.stance
            else:
                answer = StepAnswer.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            self.problem = f"{'.'.join(map(str, first['loc'])) or part}: {first['msg']}"
            return None
        if not (text := clean(answer.text)):
            return None
        return StatementDraft(text, stance, tuple(citation_draft(cited, self.evidence) for cited in answer.citations))


def citation_draft(cited: CitationAnswer, evidence: Sequence[EvidenceText]) -> CitationDraft:
    """With the true words and their offsets where the quote stands in the evidence, else with 0, 0."""
    label = clean(cited.evidence)
    source = next((piece.text for piece in evidence if piece.label == label), "")
    start, end = locate(cited.quote, source)
    return CitationDraft(label, source[start:end] if end else clean(cited.quote), start, end)


def diagnosis_draft(name: str, candidates: Sequence[DiagnosisDraft]) -> DiagnosisDraft | None:
    """The candidate of that concept, without its statements, or a new diagnosis with nothing to its credit yet."""
    name = clean(name)
    concept = concept_of(name)
    if not name or len(name) > NAME_MAX or concept is None:
        return None
    for candidate in candidates:
        if candidate.concept == concept.key or candidate.name.casefold() == name.casefold():
            return replace(candidate, statements=())
    return DiagnosisDraft(
        name=name,
        concept=concept.key,
        score=0.0,
        statements=(),
        codes=dict(concept.codes),
        must_not_miss=concept.key in dangerous_concepts(),
    )
