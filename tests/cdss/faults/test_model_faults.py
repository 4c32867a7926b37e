"""A language model that is down, slow, talks nonsense or is cut off: every answer has evidence, nobody waits long."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cdss.accounts.models import User
from cdss.consultations import model_answer
from cdss.consultations.models import Consultation, Status
from cdss.consultations.services import consultation_start
from cdss.reasoning import breaker
from cdss.reasoning.breaker import BREAKER, FAILURES, Breaker
from cdss.reasoning.errors import WriterError
from cdss.reasoning.types import CaseInput
from cdss.reasoning.writer import CUT_SHORT
from tests.cdss.consultations.conftest import run_queue, small_library
from tests.cdss.reasoning.fakes import QueueModel
from tests.cdss.reasoning.test_models_llm import Server
from tests.figures import Figure

__all__ = ["run_queue", "small_library"]
REQUESTS = int(os.environ.get("CDSS_FAULT_REQUESTS", "500"))
LLM = "openai:of-the-tests"
CASE = CaseInput(
    age="", sex="", history="", exam="",
    findings="A well-circumscribed nodule with popcorn calcification in the left lung.",
)  # fmt: skip


def said(count: int) -> str:
    """An answer of so many diagnoses that nothing is wrong with but its sources."""
    citations = [{"evidence": "E1", "quote": "popcorn calcification"}]
    statements = [{"text": "Popcorn calcification was seen.", "stance": "for", "citations": citations}]
    named = ("Hamartoma", "Carcinoid tumor", "Granuloma")
    return json.dumps({"diagnoses": [
        {"name": named[number], "statements": statements, "next_steps": []} for number in range(count)
    ]})  # fmt: skip


def ask(user: User, run_queue: Callable[..., Any]) -> Consultation:
    with run_queue():
        row = consultation_start(by=user, case=CASE, llm_timeout_seconds=1)
    if row.answers.get(writer=LLM).state == "waiting":
        model_answer.write(row.pk)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize("requests", [8])
def test_after_some_failures_the_model_is_left_alone(
    clinician: User,
    small_library: None,
    run_queue: Callable[..., Any],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    requests: int,
) -> None:
    settings.LLM, settings.LLM_RETRIES = LLM, 0
    model = QueueModel(answers=[ConnectionRefusedError() for _ in range(requests)])
    monkeypatch.setattr(model_answer, "chat_model", lambda spec, timeout: model)
    rows = [ask(clinician, run_queue) for _ in range(requests)]
    assert len(model.answers) == requests - FAILURES
    notes = [row.answers.get(writer=LLM).note for row in rows]
    assert ["left alone" in note for note in notes] == [False] * FAILURES + [True] * (requests - FAILURES)
    assert all(row.status == Status.DONE and row.evidence.exists() for row in rows)


def test_what_was_finished_before_the_cut_is_kept_and_marked(
    clinician: User, small_library: None, run_queue: Callable[..., Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LLM, settings.LLM_RETRIES = LLM, 0
    half = [said(2)[:-120], ConnectionResetError()]
    monkeypatch.setattr(model_answer, "chat_model", lambda spec, timeout: QueueModel(answers=[half]))
    answer = ask(clinician, run_queue).answers.get(writer=LLM)
    assert (answer.state, CUT_SHORT in answer.note) == ("complete", True)
    assert answer.diagnoses.exists()


def fail(guard: Breaker, times: int, kind: Any = "unreachable") -> None:
    for _ in range(times):
        with pytest.raises(WriterError), guard.guarded(LLM):
            raise WriterError(kind)


def test_a_pause_ends_with_a_request_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    now, guard = [1000.0], Breaker()
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now[0])
    fail(guard, FAILURES - 1)
    assert not guard.is_open(LLM)
    fail(guard, 1)
    assert guard.is_open(LLM)
    assert not guard.is_open("openai:another")
    fail(guard, 1, "paused")
    now[0] += breaker.PAUSE_SECONDS
    assert not guard.is_open(LLM)
    fail(guard, 1)
    now[0] += breaker.PAUSE_SECONDS
    assert guard.is_open(LLM)
    now[0] += breaker.PAUSE_SECONDS
    with guard.guarded(LLM):
        assert guard.is_open(LLM)
    fail(guard, FAILURES - 1)
    assert not guard.is_open(LLM)


def test_what_one_request_is_to_blame_for_does_not_count() -> None:
    guard = Breaker()
    fail(guard, 2 * FAILURES, "too_long")
    fail(guard, 2 * FAILURES, "cancelled")
    assert not guard.is_open(LLM)


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    with Server() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        settings.LLM, settings.LLM_RETRIES = LLM, 0
        settings.LLM_BASE_URL = f"http://localhost:{found.server_port}"
        settings.LLM_ALLOWED_HOSTS = ["localhost"]
        found.text = said(3)
        yield found
        found.hang.set()
        found.shutdown()


@pytest.mark.faults
@pytest.mark.parametrize("trouble", ["down", "slow", "garbage", "cut"])
def test_hundreds_of_requests_while_the_model_fails(
    clinician: User,
    small_library: None,
    run_queue: Callable[..., Any],
    server: Server,
    settings: Any,
    figure: Figure,
    trouble: str,
) -> None:
    if trouble == "down":
        settings.LLM_BASE_URL = "http://localhost:9"
    if trouble == "slow":
        server.hang.clear()
    server.text = "I think that everybody is healthy." if trouble == "garbage" else server.text
    server.cut = trouble == "cut"
    counts, slowest = Counter[str](), 0.0
    for _ in range(REQUESTS):
        began = time.monotonic()
        row = ask(clinician, run_queue)
        slowest = max(slowest, time.monotonic() - began)
        answer = row.answers.get(writer=LLM)
        counts["evidence"] += row.status == Status.DONE and row.evidence.exists()
        counts["composed"] += row.answers.get(writer="composer").diagnoses.exists()
        counts["partial"] += answer.state == "complete"
        counts["partial and marked"] += answer.state == "complete" and CUT_SHORT in answer.note
        counts["failed"] += answer.state == "failed"
        counts["left alone"] += "left alone" in answer.note
    figure(
        f"language model {trouble}", requests=REQUESTS, **counts, asked=len(server.seen), slowest_s=round(slowest, 1)
    )
    assert counts["evidence"] == counts["composed"] == REQUESTS
    assert counts["partial"] == counts["partial and marked"]
    assert counts["failed"] + counts["partial"] == REQUESTS
    if trouble == "cut":
        assert counts["partial"] == REQUESTS
    else:
        assert counts["left alone"] > REQUESTS / 2
    assert BREAKER.is_open(LLM) == (trouble != "cut")
