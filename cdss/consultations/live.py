"""How far a consultation has come, as a value that is polled or streamed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TypedDict

from asgiref.sync import sync_to_async
from django.db.models import Count

from cdss.consultations.held_pictures import STEP
from cdss.consultations.models import Consultation, Status, Step

STEPS = {
    "understand": "Understand",
    "search": "Search",
    "rank": "Rank",
    "write": "Write",
    "check": "Check",
}
PENDING = ("waiting", "writing")
# A browser opens the stream again by itself; a stream that outlives its page would hold a worker.
STREAM_SECONDS = 300.0
RETRY_MILLISECONDS = 1000
QUICK_SECONDS = 0.2
SLOW_SECONDS = 1.0
QUICK_UNTIL = 10.0


class StepState(TypedDict):
    name: str
    label: str
    state: str
    ms: float | None


class Progress(TypedDict):
    status: str
    finished: bool
    steps: list[StepState]
    evidence: int
    answers: list[tuple[str, str, int]]


def step_states(consultation: Consultation) -> list[StepState]:
    """The steps that are done or under way, and those still to come."""
    begun: dict[str, Step] = {step.name: step for step in consultation.steps.all()}
    unfinished = "stopped" if consultation.is_finished else "running"
    # Its text was de-identified before it was stored; pictures may still be looked at.
    first = StepState(name=STEP, label="De-identify", state="done", ms=None)
    if STEP in begun:
        first = _step_state(STEP, "De-identify", begun[STEP], unfinished)
    return [first, *(_step_state(name, label, begun.get(name), unfinished) for name, label in STEPS.items())]


def _step_state(name: str, label: str, step: Step | None, unfinished: str) -> StepState:
    state = "waiting" if step is None else unfinished if step.duration_ms is None else "done"
    return StepState(name=name, label=label, state=state, ms=step.duration_ms if step else None)


def is_settled(consultation: Consultation) -> bool:
    """Nothing more will come by itself: it is finished and no language model is still at work, or its user's turn.

    What is withheld is settled when it is finished: how long a model writes after it would tell of the answer.
    """
    if consultation.is_withheld:
        return consultation.is_finished or consultation.status == Status.REVIEW
    pending = consultation.is_searched_further or any(each.state in PENDING for each in consultation.answers.all())
    return consultation.status == Status.REVIEW or (consultation.is_finished and not pending)


def progress_of(consultation: Consultation) -> Progress:
    if consultation.is_withheld:
        return _withheld(consultation)
    answers = consultation.answers.annotate(statements=Count("diagnoses__statements"))
    return Progress(
        status=consultation.status,
        finished=is_settled(consultation),
        steps=step_states(consultation),
        evidence=consultation.evidence.count(),
        answers=[(answer.writer, answer.state, answer.statements) for answer in answers],
    )


def _withheld(consultation: Consultation) -> Progress:
    """Whether it has ended, and not how: an abstention ends at another step than an answer."""
    ended = consultation.status in (Status.DONE, Status.ABSTAINED)
    steps = [] if ended else step_states(consultation)
    return Progress(
        status=Status.DONE if ended else consultation.status,
        finished=is_settled(consultation),
        steps=steps,
        evidence=0,
        answers=[],
    )


def read_progress(pk: int) -> Progress | None:
    consultation = Consultation.objects.prefetch_related("answers", "steps").filter(pk=pk).first()
    return progress_of(consultation) if consultation else None


def progress_event(consultation: Consultation) -> str:
    return f"retry: {RETRY_MILLISECONDS}\ndata: {json.dumps(progress_of(consultation))}\n\n"


async def progress_events(pk: int) -> AsyncIterator[str]:
    """Server-sent events: one whenever something has changed, else a comment, so that a lost reader is noticed."""
    sent, waited = "", 0.0
    while waited < STREAM_SECONDS:
        progress = await sync_to_async(read_progress)(pk)
        if progress is None:
            return
        data = json.dumps(progress)
        yield f"data: {data}\n\n" if data != sent else ": still here\n\n"
        if progress["finished"]:
            return
        sent = data
        pause = QUICK_SECONDS if waited < QUICK_UNTIL else SLOW_SECONDS
        await asyncio.sleep(pause)
        waited += pause
