"""What a language model wrote is checked once more when a consultation is run again; the model is not asked."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cdss.accounts.models import User
from cdss.consultations import model_answer
from cdss.consultations.models import Consultation, Statement
from cdss.consultations.replay import rerun
from cdss.consultations.services import consultation_start
from tests.cdss.consultations.test_line import CASE
from tests.cdss.reasoning.fakes import QueueModel

LLM = "openai:of-the-tests"
QUOTE = "Popcorn calcification is seen in a well-circumscribed nodule."


@pytest.fixture
def written(
    small_library: None, clinician: User, run_queue: Callable[..., Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Consultation:
    settings.LLM, settings.LLM_RETRIES, settings.LLM_HYPOTHESES = "", 0, 0
    with run_queue():
        row = consultation_start(by=clinician, case=CASE)
    settings.LLM = LLM
    label = row.evidence.get(source_id="d1").label
    said = {"text": QUOTE, "stance": "for", "citations": [{"evidence": label, "quote": QUOTE}]}
    answer = json.dumps({"diagnoses": [{"name": "Pulmonary hamartoma", "statements": [said], "next_steps": []}]})
    monkeypatch.setattr(model_answer, "chat_model", lambda spec, timeout: QueueModel(answers=[answer]))
    row.answers.create(writer=model_answer.shown_name(LLM), state="waiting")
    model_answer.write(row.pk)
    return Consultation.objects.get(pk=row.pk)


def test_both_answers_are_vouched_for_and_checked_again(written: Consultation) -> None:
    model = written.answers.exclude(writer="composer").get()
    assert model.state == "complete", model.note
    again = rerun(written)
    assert again.equal
    assert {each.what: each.holds for each in again.vouched} == {
        "case": True,
        "answer of composer": True,
        f"answer of {model.writer}": True,
    }
    step = again.steps[-1]
    assert (step.of, step.same) == (f"what {model.writer} wrote", True)
    assert "The prompt is the same." in step.note


def test_a_changed_statement_of_the_model_is_told(written: Consultation) -> None:
    Statement.objects.filter(diagnosis__answer__writer__contains="of-the-tests").update(support="partly")
    again = rerun(written)
    assert [each.holds for each in again.vouched] == [True, True, False]
    assert again.steps[-1].same is False
