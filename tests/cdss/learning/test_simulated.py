"""What a program made to show pages by teaches nothing, and is not run again."""

import pytest

from cdss.consultations.models import Consultation, Status
from cdss.feedback.models import Feedback
from cdss.learning.said import confirmed_diagnoses, relevance_votes
from cdss.learning.shadow import _past
from cdss.oversight.simulation import use_simulate
from tests.cdss.cast import answered_consultation

pytestmark = pytest.mark.django_db


def test_simulated_use_is_not_learned_from(make_user) -> None:  # type: ignore[no-untyped-def]
    use_simulate(consultations=60)
    assert Feedback.objects.filter(verdict="final").exists()
    assert Consultation.objects.filter(status=Status.DONE).exists()
    assert (confirmed_diagnoses(), relevance_votes(), list(_past(100))) == ({}, [], [])
    person = make_user("clara")
    row = answered_consultation(person)
    Feedback.objects.create(
        consultation=row, user=person, role="clinician", verdict="final", final_diagnosis="Pulmonary hamartoma"
    )
    assert set(confirmed_diagnoses()) == {row.pk}
    assert list(_past(100)) == [row]
