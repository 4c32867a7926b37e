import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Status
from cdss.consultations.own import differential_commit
from cdss.consultations.shown import answer_shown
from cdss.feedback.gaps import GapError, gap_change
from cdss.feedback.models import Gap, GapReport
from cdss.feedback.services import feedback_give
from tests.cdss.cast import answered_consultation, parts

UNDERSTOOD = [
    {"part": "history", "text": "fever", "assertion": "present"},
    {"part": "findings", "text": "spiculation", "assertion": "denied"},
    {"part": "findings", "text": "cavitary lesion", "assertion": "present"},
    {"part": "findings", "text": "air-fluid level", "assertion": "present"},
]


def final(consultation: Consultation, name: str) -> None:
    feedback_give(
        by=consultation.user, consultation=consultation, verdict="final", final_diagnosis=name, confirmed_by="surgery"
    )


def abstention(user: User, **fields: object) -> Consultation:
    return Consultation.objects.create(
        user=user, status=Status.ABSTAINED, understood=UNDERSTOOD, abstention={"reason": "below_floor"}, **fields
    )


def test_a_final_diagnosis_the_answer_did_not_lead_with(clinician: User, consultation: Consultation) -> None:
    final(consultation, "Carcinoid tumor")
    gap = Gap.objects.get()
    assert (gap.title, gap.state, gap.reports.get().cause) == ("Carcinoid tumor", "open", "overridden")
    assert Event.objects.get(action="gap.met").details["consultation"] == consultation.pk


def test_a_final_diagnosis_that_was_first_is_no_gap(consultation: Consultation) -> None:
    final(consultation, "Hamartoma")
    assert not Gap.objects.exists()


def test_one_ticket_for_one_topic_however_it_is_spelled(clinician: User) -> None:
    for name in ("Carcinoid tumor", "carcinoid tumour", "Carcinoid tumors"):
        final(answered_consultation(clinician), name)
    assert Gap.objects.count() == 1
    assert GapReport.objects.count() == 3


def test_abstentions_are_filed_under_their_strongest_findings(clinician: User) -> None:
    for _ in range(2):
        answer_shown(abstention(clinician))
    gap = Gap.objects.get()
    assert gap.title == "cavitary lesion, air fluid level"
    assert gap.reports.count() == 2


def test_an_answer_and_an_unread_abstention_open_nothing(clinician: User, consultation: Consultation) -> None:
    answer_shown(consultation)
    answer_shown(abstention(clinician, commit_first=True))
    answer_shown(Consultation.objects.create(user=clinician, status=Status.ABSTAINED))
    assert not Gap.objects.exists()


def test_a_withheld_abstention_counts_once_it_is_read(clinician: User) -> None:
    differential_commit(consultation=abstention(clinician, commit_first=True), by=clinician, names=["Abscess"])
    assert Gap.objects.get().reports.get().cause == "abstained"


@pytest.mark.parametrize("on", ["diagnosis", "consultation"])
def test_an_override_of_the_answer(clinician: User, consultation: Consultation, on: str) -> None:
    Consultation.objects.filter(pk=consultation.pk).update(understood=UNDERSTOOD)
    consultation.refresh_from_db()
    target = {"diagnosis": parts(consultation)[0]} if on == "diagnosis" else {}
    for verdict in ("disagree", "wrong"):
        feedback_give(by=clinician, consultation=consultation, verdict=verdict, reason="ranked-wrongly", **target)
    assert Gap.objects.get().reports.count() == 1


def test_a_word_on_one_statement_is_no_gap(clinician: User, consultation: Consultation) -> None:
    Consultation.objects.filter(pk=consultation.pk).update(understood=UNDERSTOOD)
    statement = parts(consultation)[1]
    feedback_give(by=clinician, consultation=consultation, statement=statement, verdict="wrong", reason="wrong-detail")
    assert not Gap.objects.exists()


def test_taken_closed_and_met_again(clinician: User, educator: User, consultation: Consultation) -> None:
    final(consultation, "Carcinoid tumor")
    gap = Gap.objects.get()
    gap_change(gap=gap, by=educator, state="taken")
    gap.refresh_from_db()
    assert (gap.state, gap.taken_by) == ("taken", educator)
    with pytest.raises(GapError, match="why it is closed"):
        gap_change(gap=gap, by=educator, state="closed")
    gap_change(gap=gap, by=educator, state="closed", reason="Two reviews added.")
    final(answered_consultation(clinician), "Carcinoid tumor")
    gap.refresh_from_db()
    assert (gap.state, gap.taken_by) == ("open", None)
    assert Event.objects.filter(action="gap.met").last().details["reopened"] is True


def test_editors_see_numbers_and_open_only_what_is_theirs(
    client: Client, educator: User, consultation: Consultation
) -> None:
    final(consultation, "Carcinoid tumor")
    final(answered_consultation(educator), "Carcinoid tumor")
    client.force_login(educator)
    page = client.get("/feedback/gaps/").content.decode()
    assert f'href="/consultations/{consultation.pk}/"' not in page
    assert f"C-{consultation.pk}" in page
    assert page.count('class="mono" href="/consultations/') == 1
    assert client.post(f"/feedback/gaps/{Gap.objects.get().pk}/", {"state": "lost"}).status_code == 302
    assert Gap.objects.get().state == "open"
