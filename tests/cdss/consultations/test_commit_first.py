"""The answer stays on the server until its clinician has written an own differential."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.models import User, UserGroup
from cdss.audit.models import Event
from cdss.consultations.live import progress_event, read_progress
from cdss.consultations.models import Answer, Consultation, Diagnosis, RaterInvitation, Statement, Status
from cdss.consultations.own import OwnDifferentialError, differential_afterwards, differential_commit
from cdss.consultations.services import consultation_again, consultation_start
from cdss.feedback.services import FeedbackError, feedback_give
from cdss.library.recalls import document_recall
from cdss.notices.models import Notice
from cdss.reasoning.types import CaseInput
from tests.cdss.cast import answered_consultation, library_document, parts
from tests.cdss.test_access import url_names

SECRETS = (
    "ZZDIAGNOSIS", "zzconcept", "ZZSTATEMENT", "ZZQUOTE", "ZZTITLE", "ZZTEXT", "ZZLIKELY", "zzwriter", "ZZGAMUT",
    "Similarity of the evidence",
)  # fmt: skip


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def withheld(clinician: User) -> Consultation:
    row = answered_consultation(clinician, with_image=True)
    Consultation.objects.filter(pk=row.pk).update(
        commit_first=True, user_group="Night", gamuts=[{"finding": "ZZGAMUT", "diagnoses": ["ZZGAMUT"], "matched": ""}]
    )
    Answer.objects.filter(consultation=row).update(writer="zzwriter")
    Diagnosis.objects.filter(answer__consultation=row).update(
        name="ZZDIAGNOSIS", concept="zzconcept", likelihood="ZZLIKELY"
    )
    Statement.objects.filter(diagnosis__answer__consultation=row).update(text="ZZSTATEMENT")
    row.evidence.update(title="ZZTITLE", text="ZZTEXT ZZQUOTE", item=library_document(None))
    _, _, evidence = parts(row)
    evidence.citations.update(quote="ZZQUOTE", start=7, end=14)
    row.refresh_from_db()
    return row


def leaks(body: str) -> list[str]:
    return [secret for secret in SECRETS if secret in body]


def every_url(row: Consultation) -> list[str]:
    """Each address of the site that takes this consultation's numbers, and the lists that name it."""
    diagnosis, statement, evidence = parts(row)
    citation, image = evidence.citations.get(), row.images.get()
    urls = [reverse(name, args=[row.pk]) for name in sorted(url_names()) if takes_one(name, row.pk)]
    urls += [
        reverse("consultations:image", args=[row.pk, image.pk]),
        reverse("feedback:citation", args=[row.pk, citation.pk]),
        *(
            f"/feedback/consultations/{row.pk}/?kind={kind}&target={target.pk}&verdict=wrong"
            for kind, target in (
                ("statement", statement), ("diagnosis", diagnosis), ("evidence", evidence), ("citation", citation),
                ("consultation", row),
            )
        ),
        "/", "/consultations/", "/notices/", "/drills/",
        f"/consultations/{row.pk}/?writer=zzwriter", f"/consultations/{row.pk}/print/?writer=zzwriter",
    ]  # fmt: skip
    return urls


def takes_one(name: str, pk: int) -> bool:
    try:
        url = reverse(name, args=[pk])
    except Exception:
        return False
    return url.startswith(("/consultations/", "/feedback/consultations/", "/drills/new/"))


def test_no_address_gives_a_word_of_the_answer(client: Client, clinician: User, withheld: Consultation) -> None:
    client.force_login(clinician)
    urls = every_url(withheld)
    assert len(urls) > 20
    for url in urls:
        for send in (client.get, client.post):
            if send is client.post and any(word in url for word in ("commit", "again", "cancel", "retry")):
                continue
            response = send(url, follow=True)
            body = b"".join(response) if response.streaming else response.content
            if response["Content-Type"].startswith("image/"):
                continue
            assert not leaks(body.decode()), (send.__name__, url)


def test_the_event_stream_gives_no_word_either(clinician: User, withheld: Consultation) -> None:
    # A database in memory has one connection: the events are made the way the stream makes them.
    body = progress_event(withheld) + json.dumps(read_progress(withheld.pk))
    assert not leaks(body)
    assert '"evidence": 0' in body
    assert '"answers": []' in body


def test_an_abstention_looks_like_an_answer(client: Client, clinician: User, withheld: Consultation) -> None:
    client.force_login(clinician)
    urls = [f"/consultations/{withheld.pk}/", f"/consultations/{withheld.pk}/status/", "/consultations/", "/"]
    urls += [f"/consultations/?status={status}" for status in ("done", "abstained", "running")]
    answered = [_plain(client.get(url).content.decode()) for url in urls]
    withheld.answers.all().delete()
    withheld.evidence.all().delete()
    withheld.steps.all().delete()
    Consultation.objects.filter(pk=withheld.pk).update(status=Status.ABSTAINED, abstention={"reason": "nothing_found"})
    assert [_plain(client.get(url).content.decode()) for url in urls] == answered


def _plain(body: str) -> str:
    """Without what differs each time."""
    return "\n".join(line for line in body.splitlines() if "csrf" not in line.lower())


@pytest.mark.parametrize("word", ["ZZDIAGNOSIS", "zzdiag"])
def test_it_cannot_be_found_by_its_diagnosis(
    client: Client, clinician: User, withheld: Consultation, word: str
) -> None:
    client.force_login(clinician)
    assert f"C-{withheld.pk}" not in client.get("/consultations/", {"q": word}).content.decode()
    differential_commit(consultation=withheld, by=clinician, names=["Carcinoid"])
    assert f"C-{withheld.pk}" in client.get("/consultations/", {"q": word}).content.decode()


def test_a_recall_tells_its_owner_nothing_yet(clinician: User, educator: User, withheld: Consultation) -> None:
    document = withheld.evidence.get().item
    document_recall(document=document, kind="retracted", reason="Made up.", by=educator)
    assert not Notice.objects.filter(recipient=clinician).exists()


def test_nothing_can_be_said_of_it_yet(clinician: User, withheld: Consultation) -> None:
    with pytest.raises(FeedbackError, match="own differential first"):
        feedback_give(by=clinician, consultation=withheld, verdict="agree")


def test_committing_shows_both(client: Client, clinician: User, withheld: Consultation) -> None:
    client.force_login(clinician)
    names = ["Carcinoid tumor", " ", "Granuloma of Mr. John Smith"]
    answer = client.post(f"/consultations/{withheld.pk}/commit/", {"name": names}, follow=True)
    page = answer.content.decode()
    assert "ZZDIAGNOSIS" in page
    assert "Carcinoid tumor" in page
    assert "John Smith" not in page
    assert [(own.rank, own.stage) for own in withheld.own_diagnoses.all()] == [(1, "before"), (2, "before")]
    event = Event.objects.get(action="consultation.committed")
    assert event.details == {"diagnoses": 2}
    client.post(f"/consultations/{withheld.pk}/commit/", {"name": ["Something else"]})
    assert withheld.own_diagnoses.count() == 2


@pytest.mark.parametrize("names", [[], ["", "  "], ["x"] * 3 + [f"y{n}" for n in range(11)], ["x" * 301]])
def test_what_is_no_differential(client: Client, clinician: User, withheld: Consultation, names: list[str]) -> None:
    client.force_login(clinician)
    response = client.post(f"/consultations/{withheld.pk}/commit/", {"name": names})
    assert response.status_code == 422
    assert not leaks(response.content.decode())
    withheld.refresh_from_db()
    assert withheld.is_withheld


def test_nobody_commits_for_another(make_user, withheld: Consultation) -> None:
    with pytest.raises(OwnDifferentialError, match="Only who asked"):
        differential_commit(consultation=withheld, by=make_user("other"), names=["x"])


def test_without_its_event_it_stays_withheld(
    clinician: User, withheld: Consultation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr("cdss.consultations.own.record", broken)
    with pytest.raises(RuntimeError):
        differential_commit(consultation=withheld, by=clinician, names=["x"])
    withheld.refresh_from_db()
    assert withheld.is_withheld
    assert not withheld.own_diagnoses.exists()


def test_what_is_thought_afterwards_is_kept_once(clinician: User, withheld: Consultation) -> None:
    with pytest.raises(OwnDifferentialError, match="Read the answer"):
        differential_afterwards(consultation=withheld, by=clinician, names=["x"])
    differential_commit(consultation=withheld, by=clinician, names=["Carcinoid tumor"])
    differential_afterwards(consultation=withheld, by=clinician, names=["Hamartoma"])
    assert Event.objects.get(action="consultation.own_after").details == {"first_changed": True}
    with pytest.raises(OwnDifferentialError, match="kept already"):
        differential_afterwards(consultation=withheld, by=clinician, names=["Carcinoid tumor"])


def test_auditors_read_what_was_never_shown(client: Client, auditor: User, withheld: Consultation) -> None:
    client.force_login(auditor)
    assert "ZZDIAGNOSIS" in client.get(f"/consultations/{withheld.pk}/").content.decode()


def test_a_rater_of_one_that_was_withheld_reads_nothing(client: Client, make_user, withheld: Consultation) -> None:
    rater = make_user("rater")
    RaterInvitation.objects.create(consultation=withheld, rater=rater)
    client.force_login(rater)
    assert not leaks(client.get(f"/consultations/{withheld.pk}/").content.decode())


class TestTheRuleOfTheGroup:
    @pytest.fixture
    def night(self, clinician: User) -> UserGroup:
        clinician.group = UserGroup.objects.create(name="Night", commit_first=True)
        clinician.save()
        return clinician.group

    def start(self, by: User) -> Consultation:
        return consultation_start(by=by, case=CaseInput(findings="A nodule with popcorn calcification."))

    def test_is_that_of_the_moment(self, clinician: User, night: UserGroup) -> None:
        row = self.start(clinician)
        assert (row.commit_first, row.user_group) == (True, "Night")
        night.commit_first = False
        night.save()
        clinician.refresh_from_db()
        row.refresh_from_db()
        assert row.is_withheld
        assert not self.start(clinician).commit_first

    def test_holds_for_nobody_else(self, educator: User, night: UserGroup) -> None:
        assert not self.start(educator).is_withheld

    def test_the_same_case_is_not_asked_for_twice_but_another_one_is(self, clinician: User, night: UserGroup) -> None:
        row = self.start(clinician)
        assert consultation_again(consultation=row, by=clinician).is_withheld
        Consultation.objects.filter(pk=row.pk).update(committed=timezone.now())
        row.refresh_from_db()
        assert not consultation_again(consultation=row, by=clinician).is_withheld
        other = CaseInput(findings="A cavity in the right upper lobe.")
        assert consultation_again(consultation=row, by=clinician, case=other).is_withheld
