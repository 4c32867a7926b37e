"""A language model that is away, or talks nonsense: the composer's answer stands, and the page says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cdss.audit.models import Event
from cdss.consultations import model_answer
from cdss.consultations.models import Answer, Consultation, Status
from cdss.indexing.engine import forget_engine
from cdss.indexing.models import IndexVersion
from tests.cdss.reasoning.fakes import QueueModel

CASE = {"findings": "A well-circumscribed nodule with popcorn calcification in the left lung."}
LLM = "openai:of-the-tests"


@pytest.mark.parametrize(
    ("answers", "trouble", "note"),
    [
        ([ConnectionRefusedError()], "unreachable", "cannot be reached"),
        (["Certainly! Everyone is healthy.", "No."], "garbage", "gave no usable answer"),
        (['{"diagnoses": [{"name": "Lup'] * 2, "truncated", "was cut off before its first statement"),
    ],
    ids=["unreachable", "garbage", "cut off"],
)
def test_the_composers_answer_stands(
    doctor: Client,
    small_library: None,
    run_queue: Callable[..., Any],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[Any],
    trouble: str,
    note: str,
) -> None:
    settings.LLM, settings.LLM_RETRIES = LLM, 0
    monkeypatch.setattr(model_answer, "chat_model", lambda spec, timeout: QueueModel(answers=list(answers)))
    with run_queue():
        doctor.post("/consultations/new/", CASE | {"use_llm": "on"})
    row = Consultation.objects.get()
    if row.answers.get(writer=LLM).state == "waiting":
        model_answer.write(row.pk)
    composed, asked = row.answers.get(writer="composer"), row.answers.get(writer=LLM)
    assert row.status == Status.DONE
    assert composed.diagnoses.exists()
    assert asked.state == "failed"
    assert note in asked.note
    assert not asked.diagnoses.exists()
    assert Event.objects.get(action="consultation.model_failed").details["trouble"] == trouble
    page = doctor.get(f"/consultations/{row.pk}/").content.decode()
    assert note in page
    assert composed.diagnoses.all()[0].name in page


def test_a_missing_index_fails_the_consultation_in_words_for_its_reader(
    doctor: Client,
    small_library: None,
    run_queue: Callable[..., Any],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cdss.indexing.versions.standby.MOST_PASSAGES", 0)
    (Path(settings.INDEX_ROOT) / IndexVersion.objects.values_list("name", flat=True)[0] / "text.faiss").unlink()
    forget_engine()
    with run_queue():
        doctor.post("/consultations/new/", CASE)
    row = Consultation.objects.get()
    assert row.status == Status.FAILED
    assert "build_index --rebuild" in row.error
    assert str(settings.INDEX_ROOT) not in row.error
    assert not Answer.objects.exists()
    assert row.error in doctor.get(f"/consultations/{row.pk}/").content.decode()
