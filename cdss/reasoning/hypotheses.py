"""Diagnoses that a language model thinks of, as words to search for. Nothing else of its answer is ever used."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from cdss.reasoning.answer import clean
from cdss.reasoning.concepts import concept_of, looks_like_a_diagnosis
from cdss.reasoning.errors import WriterError
from cdss.reasoning.jsonstream import Closed, NotJson, ObjectStream
from cdss.reasoning.prompts import render_guess
from cdss.reasoning.stream import stream_text
from cdss.reasoning.types import CaseInput

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

logger = logging.getLogger(__name__)

NAME_MAX = 80
# An answer is read no further than this: so many names are three times what is asked for at most.
ANSWER_CHARACTERS = 4000
READ_TIMES = 3
_ALLOWED = re.compile(r"[^\W_][\w ,.'’()/+–-]*")
# A disease has a word in its name, and no number as long as one that tells who somebody is.
_WORD = re.compile(r"[^\W\d_]{3,}")
_LONG_NUMBER = re.compile(r"\d{4,}")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    name: str
    concept: str


@dataclass(slots=True)
class Guesses:
    """What a model named so far. `refused` counts what is no short name of a disease, `repeated` what was there."""

    most: int
    names: list[Hypothesis] = field(default_factory=list)
    refused: int = 0
    repeated: int = 0
    _stream: ObjectStream = field(default_factory=ObjectStream)
    _read: int = 0

    @property
    def enough(self) -> bool:
        too_many = self._read >= READ_TIMES * self.most or len(self._stream.text) >= ANSWER_CHARACTERS
        return self._stream.complete or len(self.names) >= self.most or too_many

    @property
    def is_an_answer(self) -> bool:
        return self._read > 0 or self._stream.complete

    def feed(self, chunk: str) -> None:
        for closed in self._stream.feed(chunk[:ANSWER_CHARACTERS]):
            for name in _named(closed):
                self._take(name)

    def _take(self, name: object) -> None:
        if self._read >= READ_TIMES * self.most or len(self.names) >= self.most:
            return
        self._read += 1
        found = hypothesis_of(name)
        if found is None:
            self.refused += 1
        elif any(found.concept == known.concept for known in self.names):
            self.repeated += 1
        else:
            self.names.append(found)


def guess_diagnoses(
    *,
    model: BaseChatModel,
    case: CaseInput,
    most: int,
    deadline: float,
    context: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> Guesses:
    """Asks once. `deadline` is a time.monotonic() value; what was named by then counts. Raises WriterError."""
    from langchain_core.messages import HumanMessage, SystemMessage

    began, guesses = monotonic(), Guesses(most)
    prompt = render_guess(case=case, most=most, characters=context * 3 // 2)
    messages = [SystemMessage(prompt.system), HumanMessage(prompt.user)]
    try:
        # Closed as soon as there are enough: the model need not finish its sentence.
        with closing(
            stream_text(model=model, messages=messages, schema=prompt.schema, deadline=deadline, cancelled=cancelled)
        ) as chunks:
            for chunk in chunks:
                guesses.feed(chunk)
                if guesses.enough:
                    break
    except NotJson as error:
        if not guesses.names:
            raise WriterError("garbage") from error
    except WriterError as error:
        if error.kind == "cancelled" or not guesses.names:
            raise
    if not guesses.is_an_answer:
        raise WriterError("garbage")
    seconds = monotonic() - began
    logger.info("hypotheses: named=%d refused=%d in %.1f s", len(guesses.names), guesses.refused, seconds)
    return guesses


def hypothesis_of(name: object) -> Hypothesis | None:
    """A short name of one disease; None for anything else, however it may be meant."""
    if not isinstance(name, str) or len(name) > NAME_MAX:
        return None
    words = " ".join(name.split())
    if clean(name) != words or not _ALLOWED.fullmatch(words):
        return None
    if not _WORD.search(words) or _LONG_NUMBER.search(words) or not looks_like_a_diagnosis(words):
        return None
    concept = concept_of(words)
    return Hypothesis(words, concept.key) if concept else None


def _named(closed: Closed) -> list[object]:
    match closed.path:
        case ("diagnoses", int()):
            return [closed.value.get("name")]
        case ():
            # Some models write names without the object around each.
            entries = closed.value.get("diagnoses")
            return [each for each in entries if isinstance(each, str)] if isinstance(entries, list) else []
    return []
