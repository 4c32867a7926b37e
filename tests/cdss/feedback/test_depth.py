import json

import pytest
from django.core.management import call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Citation, Consultation, Evidence, Statement
from cdss.feedback.models import Feedback
from cdss.feedback.services import FeedbackError, feedback_give
from cdss.library.disputes import dispute_resolve
from cdss.library.standing import Dispute, DisputeVote
from cdss.notices.models import Notice
from tests.cdss.cast import QUOTE, answered_consultation, library_document, parts


@pytest.fixture
def citation(consultation: Consultation, evidence: Evidence, educator: User) -> Citation:
    evidence.item = library_document(educator)
    evidence.save()
    return Citation.objects.get(evidence=evidence)


def wrong(by: User, consultation: Consultation, **fields: object) -> Feedback:
    given = {"verdict": "wrong", "reason": "not-in-source"} | fields
    return feedback_give(by=by, consultation=consultation, **given)


def test_a_citation_is_rated_and_corrected(clinician: User, consultation: Consultation, citation: Citation) -> None:
    given = wrong(clinician, consultation, citation=citation, correction="Call John Smith, MRN 1234567: fat alone.")
    assert given.citation == citation
    assert "1234567" not in given.correction
    assert Event.objects.get(action="feedback.given").details["citation"] == citation.pk


@pytest.mark.parametrize("verdict", ["useful", "disagree", "relevant", "final"])
def test_what_fits_no_citation(clinician: User, consultation: Consultation, citation: Citation, verdict: str) -> None:
    with pytest.raises(FeedbackError, match="one of these fits"):
        feedback_give(by=clinician, consultation=consultation, citation=citation, verdict=verdict, reason="other")


def test_a_citation_of_another_consultation(clinician: User, citation: Citation) -> None:
    with pytest.raises(FeedbackError, match="another consultation"):
        feedback_give(by=clinician, consultation=answered_consultation(clinician), citation=citation, verdict="agree")


def test_a_correction_may_not_be_endless(clinician: User, consultation: Consultation, statement: Statement) -> None:
    with pytest.raises(FeedbackError, match="2001 characters"):
        wrong(clinician, consultation, statement=statement, correction="x" * 2001)


def test_exports_hold_citations_and_corrections(
    clinician: User, consultation: Consultation, citation: Citation, tmp_path
) -> None:
    wrong(clinician, consultation, citation=citation, correction="Fat alone.")
    output = tmp_path / "out.jsonl"
    call_command("export_feedback", "--format", "jsonl", "--output", str(output))
    row = json.loads(output.read_text())
    assert (row["intervention_type"], row["intervention"], row["correction"]) == ("citation", QUOTE, "Fat alone.")
    assert (row["source"], row["writer"], row["model"]) == ("E1: journal 1", "composer", "composer")


class TestUnsafe:
    def unsafe(self, by: User, consultation: Consultation, **target: object) -> Feedback:
        return feedback_give(
            by=by, consultation=consultation, verdict="unsafe", reason="contraindicated", comment="SECRET", **target
        )

    @pytest.mark.parametrize("on", ["statement", "diagnosis", "evidence", "citation", "consultation"])
    def test_reaches_auditors_and_the_owner_at_once(
        self, clinician: User, auditor: User, educator: User, consultation: Consultation, citation: Citation, on: str
    ) -> None:
        diagnosis, statement, evidence = parts(consultation)
        targets = {"statement": statement, "diagnosis": diagnosis, "evidence": evidence, "citation": citation}
        given = self.unsafe(clinician, consultation, **({on: targets[on]} if on in targets else {}))
        notices = {notice.recipient: notice for notice in Notice.objects.all()}
        assert set(notices) == {auditor, educator}
        assert notices[auditor].path == f"/consultations/{consultation.pk}/"
        assert notices[educator].path == f"/library/items/{citation.evidence.item_id}/"
        assert all("SECRET" not in notice.text and notice.kind == "unsafe" for notice in notices.values())
        event = Event.objects.filter(action="notice.sent").first()
        assert (event.object_id, event.details["kind"]) == (str(given.pk), "unsafe")

    def test_an_item_without_an_owner_is_the_matter_of_editors(
        self, clinician: User, educator: User, administrator: User, consultation: Consultation, evidence: Evidence
    ) -> None:
        evidence.item = library_document(None)
        evidence.save()
        self.unsafe(clinician, consultation, evidence=evidence)
        assert set(Notice.objects.values_list("recipient__username", flat=True)) == {"educator", "administrator"}

    def test_without_its_notices_nothing_is_kept(
        self, clinician: User, auditor: User, consultation: Consultation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**_: object) -> None:
            raise RuntimeError("no notices")

        monkeypatch.setattr("cdss.feedback.telling.notify", broken)
        with pytest.raises(RuntimeError):
            self.unsafe(clinician, consultation)
        assert not Feedback.objects.exists()
        assert not Event.objects.exists()


class TestDisputes:
    def later(self, by: User, citation: Citation) -> Consultation:
        """Another consultation that cites the same words of the same item."""
        row = answered_consultation(by)
        Evidence.objects.filter(consultation=row).update(item=citation.evidence.item)
        return row

    def test_a_passage_is_marked_wherever_it_is_cited(
        self, client: Client, clinician: User, make_user, consultation: Consultation, citation: Citation
    ) -> None:
        other = make_user("other")
        later = self.later(other, citation)
        wrong(clinician, consultation, citation=citation, comment="SECRET words", correction="SECRET too")
        client.force_login(other)
        page = client.get(f"/consultations/{later.pk}/").content.decode()
        assert 'data-warning="Disputed by 1"' in page
        assert "the source does not say this" in page
        assert "SECRET" not in page
        library = client.get(f"/library/documents/{citation.evidence.item_id}/").content.decode()
        assert "<strong>Disputed</strong> by 1" in library
        assert "SECRET" not in library
        assert "Disputed by 1" in client.get(f"/consultations/{later.pk}/print/").content.decode()

    def test_raters_are_counted_once_and_may_take_it_back(
        self, clinician: User, consultation: Consultation, citation: Citation
    ) -> None:
        wrong(clinician, consultation, citation=citation)
        wrong(clinician, consultation, citation=citation, verdict="unsafe", reason="wrong-detail")
        assert [(vote.verdict, vote.reason) for vote in DisputeVote.objects.all()] == [("unsafe", "wrong-detail")]
        feedback_give(by=clinician, consultation=consultation, citation=citation, verdict="agree")
        assert not DisputeVote.objects.exists()
        assert not Dispute.objects.standing().exists()
        assert Event.objects.filter(action="library.dispute_withdrawn").count() == 1

    def test_an_editor_settles_it_with_a_reason(
        self, client: Client, clinician: User, educator: User, consultation: Consultation, citation: Citation
    ) -> None:
        wrong(clinician, consultation, citation=citation)
        dispute = Dispute.objects.get()
        client.force_login(educator)
        assert QUOTE in client.get("/library/disputes/").content.decode()
        client.post(f"/library/disputes/{dispute.pk}/", {"reason": " "})
        assert Dispute.objects.standing().exists()
        client.post(f"/library/disputes/{dispute.pk}/", {"reason": "Read again: it does."})
        assert not Dispute.objects.standing().exists()
        event = Event.objects.get(action="library.dispute_resolved")
        assert (event.actor, event.details) == ("educator", {"dispute": dispute.pk, "votes": 1})
        client.force_login(clinician)
        assert "data-warning" not in client.get(f"/consultations/{consultation.pk}/").content.decode()

    def test_a_new_vote_opens_it_again(
        self, clinician: User, educator: User, consultation: Consultation, citation: Citation
    ) -> None:
        wrong(clinician, consultation, citation=citation)
        dispute_resolve(dispute=Dispute.objects.get(), by=educator, reason="It does.")
        wrong(clinician, consultation, citation=citation)
        assert Dispute.objects.standing().count() == 1

    def test_evidence_as_a_whole(self, client: Client, clinician: User, consultation: Consultation, citation: Citation):
        wrong(clinician, consultation, evidence=citation.evidence, reason="outdated")
        assert Dispute.objects.get().quote == ""
        client.force_login(clinician)
        assert 'data-warning="Disputed by 1"' in client.get(f"/consultations/{consultation.pk}/").content.decode()

    def test_a_word_on_evidence_whose_item_is_gone(
        self, clinician: User, consultation: Consultation, evidence: Evidence
    ) -> None:
        wrong(clinician, consultation, evidence=evidence)
        assert not Dispute.objects.exists()
