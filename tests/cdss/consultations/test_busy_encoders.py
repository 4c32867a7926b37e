"""An encoder service with a full queue: a consultation says what happened, keeps its case and can be tried again."""

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations import working
from cdss.consultations.models import Consultation, Status
from retrieval.errors import EncoderBusyError
from tests.cdss.cast import answered_consultation

BUSY = "The encoders are busy. Try again in a moment."


def test_a_consultation_the_encoders_had_no_time_for_says_so_and_can_be_tried_again(
    client: Client, clinician: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
) -> None:
    def refuses(**kwargs: object) -> None:
        raise EncoderBusyError(BUSY)

    made = answered_consultation(clinician, with_image=True)
    Consultation.objects.filter(pk=made.pk).update(status=Status.QUEUED)
    monkeypatch.setattr(working, "consult", refuses)
    working.answer(made.pk)
    made.refresh_from_db()
    assert (made.status, made.error) == (Status.FAILED, BUSY)
    client.force_login(clinician)
    text = client.get(f"/consultations/{made.pk}/").content.decode()
    assert BUSY in text
    assert "The case and its images are kept." in text
    assert "Try again</button>" in text
    assert "A nodule with popcorn calcification." in text
    assert made.images.count() == 1
    tried: list[int] = []
    monkeypatch.setattr(working, "consult", lambda **kwargs: tried.append(1) or refuses())
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/consultations/{made.pk}/retry/")
    assert tried == [1]
