"""What happens to a consultation when its worker, its user or its code lets it down."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from cdss.accounts.models import User
from cdss.consultations import working
from cdss.consultations.model_answer import sweep_answers
from cdss.consultations.models import Answer, Consultation, Status, Step
from cdss.consultations.services import consultation_cancel, consultation_retry
from cdss.consultations.working import MAX_ATTEMPTS, UNEXPECTED, answer, sweep

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def queued(small_library: None, clinician: User) -> Consultation:
    return Consultation.objects.create(user=clinician, findings="A nodule with popcorn calcification.")


def test_an_answered_consultation_is_not_answered_again(queued: Consultation) -> None:
    answer(queued.pk)
    first = queued.answers.get().pk
    answer(queued.pk)
    assert queued.answers.get().pk == first


def test_a_consultation_another_worker_has_is_left_alone(queued: Consultation) -> None:
    Consultation.objects.filter(pk=queued.pk).update(status=Status.RUNNING, heartbeat=timezone.now())
    answer(queued.pk)
    assert not queued.answers.exists()


def test_a_dead_workers_consultation_is_handed_on(queued: Consultation) -> None:
    Step.objects.create(consultation=queued, name="search", started=timezone.now())
    Consultation.objects.filter(pk=queued.pk).update(
        status=Status.RUNNING, heartbeat=timezone.now() - LONG_AGO, attempts=1
    )
    assert sweep() == 1
    queued.refresh_from_db()
    assert queued.status == Status.DONE
    assert queued.attempts == 2
    assert queued.steps.filter(name="search").count() == 1


def test_a_task_that_got_lost_is_queued_again(queued: Consultation) -> None:
    Consultation.objects.filter(pk=queued.pk).update(created=timezone.now() - LONG_AGO)
    assert sweep() == 1
    queued.refresh_from_db()
    assert queued.status == Status.DONE


def test_it_is_given_up_after_enough_tries(queued: Consultation) -> None:
    Consultation.objects.filter(pk=queued.pk).update(
        status=Status.RUNNING, heartbeat=timezone.now() - LONG_AGO, attempts=MAX_ATTEMPTS
    )
    assert sweep() == 1
    queued.refresh_from_db()
    assert queued.status == Status.FAILED
    assert "Given up" in queued.error


def test_the_sweep_leaves_the_living_and_the_finished_alone(queued: Consultation) -> None:
    assert sweep() == 0
    answer(queued.pk)
    Consultation.objects.filter(pk=queued.pk).update(heartbeat=timezone.now() - LONG_AGO)
    assert sweep() == 0


def test_cancelled_while_waiting(queued: Consultation, clinician: User) -> None:
    consultation_cancel(consultation=queued, by=clinician)
    answer(queued.pk)
    queued.refresh_from_db()
    assert queued.status == Status.CANCELLED
    assert not queued.answers.exists()


def test_cancelled_while_working(queued: Consultation, clinician: User) -> None:
    retrieve = working.consult.__globals__["retrieve"]

    def cancel_then_retrieve(**arguments: object) -> object:
        consultation_cancel(consultation=queued, by=clinician)
        return retrieve(**arguments)

    with patch("cdss.consultations.pipeline.retrieve", cancel_then_retrieve):
        answer(queued.pk)
    queued.refresh_from_db()
    assert queued.status == Status.CANCELLED
    assert not queued.answers.exists()


def test_an_unknown_error_fails_it_without_the_case_in_the_log(
    queued: Consultation, caplog: pytest.LogCaptureFixture
) -> None:
    with patch("cdss.consultations.pipeline.compose", side_effect=ValueError("popcorn calcification")):
        answer(queued.pk)
    queued.refresh_from_db()
    assert queued.status == Status.FAILED
    assert queued.error == UNEXPECTED
    assert "popcorn" not in caplog.text


def test_a_failed_one_can_be_tried_again(
    queued: Consultation, clinician: User, django_capture_on_commit_callbacks: object
) -> None:
    Consultation.objects.filter(pk=queued.pk).update(status=Status.FAILED, attempts=MAX_ATTEMPTS, error="x")
    queued.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        consultation_retry(consultation=queued, by=clinician)
    queued.refresh_from_db()
    assert queued.status == Status.DONE
    assert queued.error == ""


def test_a_dead_models_answer_is_given_up_and_the_composers_stands(queued: Consultation) -> None:
    answer(queued.pk)
    model = Answer.objects.create(consultation=queued, writer="ollama:model", state="writing")
    Consultation.objects.filter(pk=queued.pk).update(heartbeat=timezone.now())
    assert sweep_answers() == 0
    Consultation.objects.filter(pk=queued.pk).update(heartbeat=timezone.now() - LONG_AGO)
    assert sweep_answers() == 1
    model.refresh_from_db()
    assert (model.state, "worker stopped" in model.note) == ("failed", True)
    assert queued.answers.get(writer="composer").diagnoses.exists()
    assert sweep_answers() == 0
