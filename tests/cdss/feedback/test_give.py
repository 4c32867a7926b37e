import pytest
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.models import User
from cdss.audit.chain import DetailsError
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement
from cdss.feedback.models import Feedback, Reason, Verdict
from cdss.feedback.services import FeedbackError, feedback_give
from cdss.feedback.targets import feedback_by_target
from tests.cdss.cast import answered_consultation, evidence_of, parts


def test_every_word_is_kept_and_the_newest_counts(
    clinician: User, consultation: Consultation, statement: Statement
) -> None:
    give = {"by": clinician, "consultation": consultation, "statement": statement}
    feedback_give(**give, verdict="agree")
    feedback_give(**give, verdict="wrong", reason="wrong-detail", comment="left, not right")
    assert Feedback.objects.count() == 2
    said = feedback_by_target(consultation, clinician)["statement", statement.pk]
    assert said.own.verdict == "wrong"
    assert said.counts == {"wrong": 1}


def test_an_event_without_the_comment_is_in_the_trail(
    clinician: User, consultation: Consultation, statement: Statement
) -> None:
    given = feedback_give(
        by=clinician,
        consultation=consultation,
        statement=statement,
        verdict="unsafe",
        reason="contraindicated",
        comment="the patient has a pacemaker",
    )
    event = Event.objects.get()
    assert (event.action, event.actor, event.object_id) == ("feedback.given", "clinician", str(consultation.pk))
    assert event.details == {
        "feedback": given.pk,
        "verdict": "unsafe",
        "reason": "contraindicated",
        "statement": statement.pk,
    }


def test_without_its_event_nothing_is_kept(
    clinician: User, consultation: Consultation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise DetailsError

    monkeypatch.setattr("cdss.feedback.services.record", broken)
    with pytest.raises(DetailsError):
        feedback_give(by=clinician, consultation=consultation, verdict="agree")
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("reason", Reason.values)
def test_every_reason_is_accepted(clinician: User, consultation: Consultation, reason: str) -> None:
    feedback_give(by=clinician, consultation=consultation, verdict="disagree", reason=reason, comment="because")


@pytest.mark.parametrize(
    ("on", "fields", "message"),
    [
        ("statement", {"verdict": "relevant"}, "one of these fits"),
        ("diagnosis", {"verdict": "final", "final_diagnosis": "x"}, "one of these fits"),
        ("evidence", {"verdict": "agree"}, "one of these fits"),
        ("consultation", {"verdict": "not_relevant"}, "one of these fits"),
        ("consultation", {"verdict": "nonsense"}, "one of these fits"),
        ("statement", {"verdict": "disagree"}, "Choose a reason:"),
        ("statement", {"verdict": "wrong", "reason": "because"}, "from the list"),
        ("statement", {"verdict": "unsafe", "reason": "other", "comment": "  "}, "other reason"),
        ("statement", {"verdict": "agree", "comment": "x" * 2001}, "2001 characters"),
        ("statement", {"verdict": "agree", "final_diagnosis": "x"}, "final diagnosis"),
        ("consultation", {"verdict": "final", "final_diagnosis": " "}, "final diagnosis"),
        ("consultation", {"verdict": "final", "final_diagnosis": "x" * 301}, "300 characters"),
        ("consultation", {"verdict": "final", "final_diagnosis": "x", "confirmed_by": "guess"}, "confirmed"),
        ("consultation", {"verdict": "agree", "confirmed_by": "histology"}, "confirmed"),
    ],
)
def test_what_does_not_fit_is_refused(
    clinician: User,
    consultation: Consultation,
    statement: Statement,
    diagnosis: Diagnosis,
    evidence: Evidence,
    on: str,
    fields: dict[str, str],
    message: str,
) -> None:
    targets = {"statement": statement, "diagnosis": diagnosis, "evidence": evidence}
    target = {on: targets[on]} if on in targets else {}
    with pytest.raises(FeedbackError, match=message):
        feedback_give(by=clinician, consultation=consultation, **target, **fields)
    assert not Feedback.objects.exists()
    assert not Event.objects.exists()


def test_a_target_of_another_consultation_is_refused(clinician: User, consultation: Consultation) -> None:
    other = dict(zip(("diagnosis", "statement", "evidence"), parts(answered_consultation(clinician)), strict=True))
    for name, target in other.items():
        verdict = Verdict.RELEVANT if name == "evidence" else Verdict.AGREE
        with pytest.raises(FeedbackError, match="another consultation"):
            feedback_give(by=clinician, consultation=consultation, verdict=verdict, **{name: target})
    with pytest.raises(FeedbackError, match="one thing at a time"):
        feedback_give(by=clinician, consultation=consultation, verdict="agree", **other)


@pytest.mark.parametrize("role", ["clinician", "educator", "auditor", "administrator"])
def test_only_who_asked_gives_feedback(make_user, consultation: Consultation, role: str) -> None:
    with pytest.raises(FeedbackError, match="person who asked"):
        feedback_give(by=make_user("someone", role), consultation=consultation, verdict="agree")


def test_identifiers_in_a_comment_are_taken_out(clinician: User, consultation: Consultation) -> None:
    given = feedback_give(
        by=clinician, consultation=consultation, verdict="agree", comment="Call Mr. Miller on 2024-03-05."
    )
    assert "Miller" not in given.comment
    assert "2024-03-05" not in given.comment


def test_the_final_diagnosis_is_a_word_of_its_own(clinician: User, consultation: Consultation) -> None:
    feedback_give(by=clinician, consultation=consultation, verdict="agree")
    feedback_give(
        by=clinician, consultation=consultation, verdict="final", final_diagnosis="Hamartoma", confirmed_by="histology"
    )
    said = feedback_by_target(consultation, clinician)
    assert said["final", consultation.pk].own.final_diagnosis == "Hamartoma"
    assert said["consultation", consultation.pk].own.verdict == "agree"


def test_a_page_of_any_length_takes_one_query(clinician: User, consultation: Consultation) -> None:
    rows = [evidence_of(consultation, number) for number in range(2, 12)]
    for row in rows:
        feedback_give(by=clinician, consultation=consultation, verdict="relevant", evidence=row)
    source = (
        "{% load feedback %}{% feedback_of_page as feedback %}"
        "{% for row in rows %}{% feedback_buttons evidence=row %}{% endfor %}{% feedback_final %}"
    )
    context = Context({"consultation": consultation, "user": clinician, "rows": rows, "csrf_token": "token"})
    with CaptureQueriesContext(connection) as queries:
        page = Template(source).render(context)
    assert len(queries) == 1
    assert page.count('aria-pressed="true"') == len(rows)
    assert "token" in page


class TestPages:
    def url(self, consultation: Consultation) -> str:
        return f"/feedback/consultations/{consultation.pk}/"

    def test_a_plain_form_comes_back_to_the_page(
        self, client: Client, clinician: User, consultation: Consultation, statement: Statement
    ) -> None:
        client.force_login(clinician)
        answer = client.post(self.url(consultation), {"kind": "statement", "target": statement.pk, "verdict": "agree"})
        assert answer["Location"] == f"/consultations/{consultation.pk}/#feedback-statement-{statement.pk}"
        assert Feedback.objects.get().verdict == "agree"

    def test_htmx_gets_the_part_of_the_page(
        self, client: Client, clinician: User, consultation: Consultation, statement: Statement
    ) -> None:
        client.force_login(clinician)
        form = {"kind": "statement", "target": statement.pk, "verdict": "wrong"}
        asked = client.get(self.url(consultation), form, headers={"HX-Request": "true"})
        assert b"<html" not in asked.content
        assert b"Choose a reason" in asked.content
        refused = client.post(self.url(consultation), form, headers={"HX-Request": "true"})
        assert refused.status_code == 200
        assert b'role="alert"' in refused.content
        form |= {"reason": "not-in-source", "comment": "<script>alert(1)</script>"}
        kept = client.post(self.url(consultation), form, headers={"HX-Request": "true"})
        assert b"The source does not say this" in kept.content
        assert b"<script>" not in kept.content
        assert kept.content.count(b'aria-pressed="true"') == 1

    def test_without_scripts_the_reason_has_a_page(
        self, client: Client, clinician: User, consultation: Consultation, statement: Statement
    ) -> None:
        client.force_login(clinician)
        form = {"kind": "statement", "target": statement.pk, "verdict": "unsafe"}
        assert b"<html" in client.get(self.url(consultation), form).content
        assert client.post(self.url(consultation), form).status_code == 422
        assert not Feedback.objects.exists()

    def test_the_final_diagnosis(self, client: Client, clinician: User, consultation: Consultation) -> None:
        client.force_login(clinician)
        form = {"kind": "consultation", "target": consultation.pk, "verdict": "final", "final_diagnosis": "Hamartoma"}
        page = client.post(self.url(consultation), form, headers={"HX-Request": "true"})
        assert b"<strong>Hamartoma</strong>" in page.content

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"kind": "statement", "verdict": "agree"},
            {"kind": "statement", "target": "x", "verdict": "agree"},
            {"kind": "patient", "target": "1", "verdict": "agree"},
            {"kind": "statement", "target": "1", "verdict": "great"},
            {"kind": "statement", "target": "9" * 30, "verdict": "agree"},
        ],
    )
    def test_nonsense_is_a_400(
        self, client: Client, clinician: User, consultation: Consultation, form: dict[str, str]
    ) -> None:
        client.force_login(clinician)
        assert client.post(self.url(consultation), form).status_code == 400

    def test_what_is_foreign_does_not_exist(
        self, client: Client, make_user, clinician: User, consultation: Consultation, statement: Statement
    ) -> None:
        colleague = make_user("colleague", department=clinician.department)
        client.force_login(colleague)
        form = {"kind": "statement", "target": statement.pk, "verdict": "agree"}
        assert client.post(self.url(consultation), form).status_code == 404
        own = answered_consultation(colleague)
        assert client.post(self.url(own), form).status_code == 404
        assert not Feedback.objects.exists()

    def test_an_auditor_reads_only(
        self, client: Client, auditor: User, clinician: User, consultation: Consultation, statement: Statement
    ) -> None:
        feedback_give(by=clinician, consultation=consultation, statement=statement, verdict="agree")
        client.force_login(auditor)
        form = {"kind": "statement", "target": statement.pk, "verdict": "agree"}
        assert client.post(self.url(consultation), form).status_code == 403
        source = "{% load feedback %}{% feedback_of_page as feedback %}{% feedback_buttons statement=statement %}"
        page = Template(source).render(Context({"consultation": consultation, "user": auditor, "statement": statement}))
        assert "<form" not in page
        assert "Agree 1" in page
