"""The language model's differential: asked for, read as it arrives, and handed on as drafts for the gate to judge."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING

from cdss.reasoning.answer import Reading
from cdss.reasoning.errors import WriterError
from cdss.reasoning.jsonstream import NotJson
from cdss.reasoning.prompts import Limits, Prompt, prompt_sha256, render, render_repair
from cdss.reasoning.stream import stream_text
from cdss.reasoning.types import CaseInput, DiagnosisDraft, EvidenceText, StatementDraft

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

logger = logging.getLogger(__name__)

CUT_SHORT = "The language model's answer ended early; the statements it had finished are kept."
RAN_OUT = "The language model ran out of time; the statements it had finished are kept."
DROPPED = "Left out as not in the form asked for: {count}."
PROBLEMS = {"cut": "it was cut off before its first statement was complete"}
# How much of an unusable answer is shown to the model again.
_ECHO = 1500
_ASK_AGAIN = {"unreachable", "busy"}


@dataclass(frozen=True, slots=True)
class Written:
    """One statement the moment it is complete, with its diagnosis as it stands so far. `rank` counts from 1."""

    rank: int
    diagnosis: DiagnosisDraft
    statement: StatementDraft


@dataclass(frozen=True, slots=True)
class WriterResult:
    """What the model wrote, ungated. No diagnoses and no error means that the model abstained."""

    diagnoses: Sequence[DiagnosisDraft]
    note: str
    prompt_sha256: str
    repaired: bool
    complete: bool
    timings: Mapping[str, int] = field(default_factory=dict)

    @property
    def abstained(self) -> bool:
        return not self.diagnoses


def write_differential(
    *,
    model: "BaseChatModel",
    case: CaseInput,
    evidence: Sequence[EvidenceText],
    candidates: Sequence[DiagnosisDraft],
    deadline: float,
    cancelled: Callable[[], bool] = lambda: False,
    on_statement: Callable[[Written], None] = lambda written: None,
    context: int = 8192,
    answer: int = 2048,
    retries: int = 1,
) -> WriterResult:
    """Asks the model once, and once more when nothing of its answer can be used.

    `deadline` is a time.monotonic() value. Each statement is handed to `on_statement` once, in order, as soon as it
    is complete, and what was handed over is what the result holds. Raises WriterError: the composer's text stands.
    """
    began = monotonic()
    prompt = render(
        case=case, evidence=evidence, candidates=candidates, limits=Limits.of(context=context, answer=answer)
    )
    run = _Run(model, prompt, evidence, candidates, deadline, cancelled, on_statement, retries)
    reading, end = run.ask(_messages(prompt))
    repaired = bool(end)
    if not reading.usable:
        logger.info("language model: asked again, problem=%s characters=%d", end, len(reading.text))
        reading, end = run.ask(_again(prompt, reading.text, reading.problem or PROBLEMS.get(end, end)))
        repaired = True
        if not reading.usable:
            # Prose without an object was not cut off: it is no answer.
            raise WriterError("truncated" if end == "cut" and "{" in reading.text else "garbage")
    notes = [*prompt.notes, *([{"time": RAN_OUT}.get(end, CUT_SHORT)] if end else [])]
    if reading.dropped:
        notes.append(DROPPED.format(count=reading.dropped))
    timings = {
        "total": round((monotonic() - began) * 1000),
        "first_statement": round(((run.first or monotonic()) - began) * 1000),
        "asked": run.asked,
    }
    logger.info("language model: statements=%d %s", reading.statements, timings)
    return WriterResult(
        diagnoses=reading.diagnoses(),
        note=" ".join(notes),
        prompt_sha256=prompt_sha256(),
        repaired=repaired,
        complete=reading.complete,
        timings=timings,
    )


@dataclass(slots=True)
class _Run:
    model: "BaseChatModel"
    prompt: Prompt
    evidence: Sequence[EvidenceText]
    candidates: Sequence[DiagnosisDraft]
    deadline: float
    cancelled: Callable[[], bool]
    on_statement: Callable[[Written], None]
    retries: int
    asked: int = 0
    first: float = 0.0

    def ask(self, messages: "Sequence[BaseMessage]") -> tuple[Reading, str]:
        """The reading, and what ended it early: "" (nothing), "cut", "time" or what was wrong with the text."""
        reading = Reading(evidence=self.evidence, candidates=self.candidates)
        try:
            for chunk in self._chunks(messages):
                for rank, diagnosis, statement in reading.feed(chunk):
                    self.first = self.first or monotonic()
                    self.on_statement(Written(rank, diagnosis, statement))
                if reading.complete:
                    return reading, ""
        except NotJson as problem:
            return reading, str(problem)
        except WriterError as error:
            if error.kind == "cancelled" or not reading.statements:
                raise
            return reading, "time" if error.kind == "timeout" else "cut"
        return reading, "cut" if reading.text.strip() else "it is empty"

    def _chunks(self, messages: "Sequence[BaseMessage]") -> Iterator[str]:
        """The answer's chunks; a server that cannot be reached is asked again as long as it has said nothing."""
        for attempt in range(self.retries + 1):
            self.asked += 1
            silent = True
            try:
                for chunk in stream_text(
                    model=self.model,
                    messages=messages,
                    schema=self.prompt.schema,
                    deadline=self.deadline,
                    cancelled=self.cancelled,
                ):
                    silent = silent and not chunk
                    yield chunk
                return
            except WriterError as error:
                pause = 0.5 * 2**attempt
                last = attempt == self.retries or monotonic() + pause >= self.deadline
                if not silent or last or error.kind not in _ASK_AGAIN:
                    raise
                self._wait(pause)

    def _wait(self, seconds: float) -> None:
        until = monotonic() + seconds
        while monotonic() < until:
            if self.cancelled():
                raise WriterError("cancelled")
            sleep(0.05)


def _messages(prompt: Prompt) -> "list[BaseMessage]":
    from langchain_core.messages import HumanMessage, SystemMessage

    return [SystemMessage(prompt.system), HumanMessage(prompt.user)]


def _again(prompt: Prompt, text: str, problem: str) -> "list[BaseMessage]":
    from langchain_core.messages import AIMessage, HumanMessage

    from cdss.reasoning.prompts import fenced

    echo = fenced(text)[:_ECHO] or "(nothing)"
    return [*_messages(prompt), AIMessage(echo), HumanMessage(render_repair(problem))]
