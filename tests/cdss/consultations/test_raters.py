import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation
from cdss.consultations.rating import RatingError, rater_invite
from cdss.feedback.services import feedback_give
from cdss.library.models import Visibility
from cdss.notices.models import Notice
from tests.cdss.cast import answered_consultation, library_document


@pytest.fixture
def consultation(clinician: User) -> Consultation:
    return answered_consultation(clinician)


def test_a_rater_reads_and_rates_and_does_nothing_else(
    client: Client, make_user, clinician: User, consultation: Consultation
) -> None:
    rater = make_user("rater")
    rater_invite(consultation=consultation, by=clinician, username="Rater")
    assert Notice.objects.get(recipient=rater).path == f"/consultations/{consultation.pk}/"
    assert Event.objects.get(action="consultation.rater_invited").details == {"rater": "rater"}
    client.force_login(rater)
    assert client.get(f"/consultations/{consultation.pk}/").status_code == 200
    feedback_give(by=rater, consultation=consultation, verdict="useful")
    for act in ("cancel", "again", "retry", "commit", "afterwards", "raters"):
        assert client.post(f"/consultations/{consultation.pk}/{act}/").status_code == 404, act


def test_inviting_twice_tells_once(make_user, clinician: User, consultation: Consultation) -> None:
    make_user("rater")
    for _ in range(2):
        rater_invite(consultation=consultation, by=clinician, username="rater")
    assert Notice.objects.count() == consultation.invitations.count() == 1


@pytest.mark.parametrize("username", ["", "nobody", "clinician", "auditor", "administrator", "gone"])
def test_who_cannot_rate(
    make_user, clinician: User, auditor: User, administrator: User, consultation: Consultation, username: str
) -> None:
    make_user("gone", is_active=False)
    with pytest.raises(RatingError, match="No colleague"):
        rater_invite(consultation=consultation, by=clinician, username=username)


def test_only_who_asked_invites(make_user, educator: User, consultation: Consultation) -> None:
    make_user("rater")
    with pytest.raises(RatingError, match="Only who asked"):
        rater_invite(consultation=consultation, by=educator, username="rater")


def test_a_source_the_rater_may_not_read_keeps_them_out(make_user, clinician: User, consultation: Consultation) -> None:
    make_user("rater", department="surgery")
    consultation.evidence.update(item=library_document(clinician, Visibility.DEPARTMENT))
    with pytest.raises(RatingError, match="may not read"):
        rater_invite(consultation=consultation, by=clinician, username="rater")
