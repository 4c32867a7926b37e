"""A recalled document stops being cited at once; whoever cites it is told, and its mark can be taken back."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation
from cdss.feedback.drafting import case_draft
from cdss.feedback.services import feedback_give
from cdss.library.models import Document, LibraryItem, State
from cdss.library.recalls import RecallError, citing_of, document_recall, recall_undo
from cdss.library.standing import Recall
from cdss.notices.models import Notice
from tests.cdss.cast import answered_consultation, library_case, library_document
from tests.cdss.library.test_import_documents import article, pubmed


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def document(educator: User) -> Document:
    return library_document(educator)


@pytest.fixture
def citing(clinician: User, document: Document) -> Consultation:
    row = answered_consultation(clinician)
    row.evidence.update(item=document)
    return row


def recall(document: Document, by: User, kind: str = "retracted") -> Recall:
    return document_recall(document=document, kind=kind, reason="Its figures were made up.", by=by)


def test_nothing_finds_it_from_now_on(educator: User, document: Document) -> None:
    assert LibraryItem.objects.searchable_by(educator).filter(pk=document.pk).exists()
    recall(document, educator)
    assert not LibraryItem.objects.searchable_by(educator).filter(pk=document.pk).exists()
    assert not LibraryItem.objects.citable().filter(pk=document.pk).exists()
    assert LibraryItem.objects.viewable_by(educator).filter(pk=document.pk).exists()


@pytest.mark.parametrize("kind", ["retracted", "superseded", "corrected"])
def test_owners_are_told_and_the_banner_stands_at_the_citation(
    client: Client, clinician: User, educator: User, document: Document, citing: Consultation, kind: str
) -> None:
    recall(document, educator, kind)
    notice = Notice.objects.get(recipient=clinician)
    assert (notice.kind, notice.path) == ("recall", f"/consultations/{citing.pk}/")
    assert f"C-{citing.pk}" in notice.text
    client.force_login(clinician)
    for page in (f"/consultations/{citing.pk}/", f"/consultations/{citing.pk}/print/"):
        body = client.get(page).content.decode()
        assert "Its figures were made up." in body, page
        assert "popcorn calcification and fat" in body, page
    assert f'data-warning="{kind.capitalize()}"' in client.get(f"/consultations/{citing.pk}/").content.decode()
    assert "recalled source" in client.get("/consultations/").content.decode()
    export = client.get(f"/consultations/{citing.pk}/export/").json()
    assert export["evidence"][0]["recall"]["kind"] == kind
    event = Event.objects.get(action="library.recalled")
    assert (event.actor, event.details["cited_in"], event.details["kind"]) == ("educator", 1, kind)


def test_one_notice_for_many_and_none_for_those_who_do_not_cite(
    make_user, clinician: User, educator: User, document: Document
) -> None:
    make_user("other")
    for _ in range(7):
        answered_consultation(clinician).evidence.update(item=document)
    recall(document, educator)
    notice = Notice.objects.get(recipient=clinician)
    assert "and 2 more of yours cite it" in notice.text
    assert not Notice.objects.filter(recipient__username="other").exists()


def test_cases_that_name_it_and_cases_made_of_what_cites_it(
    clinician: User, educator: User, document: Document, citing: Consultation
) -> None:
    Document.objects.filter(pk=document.pk).update(pmid="123", doi="10.1000/Made.Up")
    named = library_case(clinician)
    LibraryItem.objects.filter(pk=named.pk).update(text="See doi 10.1000/made.up for more.")
    other = library_case(clinician)
    LibraryItem.objects.filter(pk=other.pk).update(text="See PMID 1234.")
    feedback_give(
        by=clinician, consultation=citing, verdict="final", final_diagnosis="Hamartoma", confirmed_by="surgery"
    )
    made = case_draft(consultation=citing, by=clinician)
    found = {(cited.kind, cited.path) for cited in citing_of(document)}
    assert found == {
        ("case", f"/library/cases/{named.pk}/"),
        ("case", f"/library/cases/{made.pk}/"),
        ("consultation", f"/consultations/{citing.pk}/"),
    }


def test_taken_back(client: Client, clinician: User, educator: User, document: Document, citing: Consultation) -> None:
    recall(document, educator)
    with pytest.raises(RecallError):
        recall_undo(document=document, by=educator, reason=" ")
    recall_undo(document=document, by=educator, reason="It was another paper.")
    recall_undo(document=document, by=educator, reason="Twice.")
    assert LibraryItem.objects.searchable_by(educator).filter(pk=document.pk).exists()
    assert Event.objects.filter(action="library.recall_undone").count() == 1
    assert Notice.objects.filter(recipient=clinician, kind="recall_undone").count() == 1
    client.force_login(clinician)
    assert "Its figures were made up." not in client.get(f"/consultations/{citing.pk}/").content.decode()


@pytest.mark.parametrize(("kind", "reason"), [("burnt", "x"), ("retracted", " "), ("retracted", "x" * 501)])
def test_what_is_no_recall(educator: User, document: Document, kind: str, reason: str) -> None:
    with pytest.raises(RecallError):
        document_recall(document=document, kind=kind, reason=reason, by=educator)
    assert not Recall.objects.exists()


def test_one_stands_at_a_time(educator: User, document: Document) -> None:
    recall(document, educator, "corrected")
    with pytest.raises(RecallError, match="already"):
        recall(document, educator, "corrected")
    recall(document, educator, "retracted")
    assert Recall.objects.filter(undone__isnull=True).get().kind == "retracted"


def test_without_its_event_nothing_is_marked(
    educator: User, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr("cdss.library.recalls.record", broken)
    with pytest.raises(RuntimeError):
        recall(document, educator)
    document.refresh_from_db()
    assert (document.recalled, Recall.objects.count()) == ("", 0)


def link(kind: str, pmid: str = "99") -> str:
    return f'<CommentsCorrections RefType="{kind}"><RefSource>J</RefSource><PMID>{pmid}</PMID></CommentsCorrections>'


class TestImport:
    def take(self, path: Path, text: str) -> Document:
        call_command("import_library", str(pubmed(path / "p.xml", text)), publish=True, collection="Papers")
        return Document.objects.get(source_id="1")

    @pytest.mark.parametrize(
        ("kind", "marked"),
        [
            ("RetractionIn", "retracted"),
            ("RetractedandRepublishedIn", "retracted"),
            ("UpdateIn", "superseded"),
            ("ErratumIn", "corrected"),
            ("CorrectedandRepublishedIn", "corrected"),
            ("CommentIn", ""),
            ("ErratumFor", ""),
            ("UpdateOf", ""),
            ("RetractionOf", ""),
        ],
    )
    def test_what_pubmed_says(self, db: None, tmp_path: Path, kind: str, marked: str) -> None:
        document = self.take(tmp_path, article(links=link(kind)))
        assert document.recalled == marked
        if marked:
            assert Recall.objects.get().origin == f"{kind} 99"

    def test_a_publication_type_says_so_too(self, db: None, tmp_path: Path) -> None:
        assert self.take(tmp_path, article(type="Retracted Publication")).recalled == "retracted"

    def test_the_gravest_word_counts(self, db: None, tmp_path: Path) -> None:
        assert self.take(tmp_path, article(links=link("ErratumIn") + link("RetractionIn"))).recalled == "retracted"

    def test_an_unchanged_paper_that_was_retracted_since(self, clinician: User, tmp_path: Path) -> None:
        document = self.take(tmp_path, article())
        row = answered_consultation(clinician)
        row.evidence.update(item=document)
        document = self.take(tmp_path, article(links=link("ErratumIn")))
        assert (document.recalled, document.state) == ("corrected", State.PUBLISHED)
        assert Notice.objects.filter(recipient=clinician, kind="recall").count() == 1

    def test_an_editors_word_holds_when_the_file_comes_again(self, educator: User, tmp_path: Path) -> None:
        document = self.take(tmp_path, article(links=link("ErratumIn")))
        recall_undo(document=document, by=educator, reason="A misspelt name.")
        assert self.take(tmp_path, article(links=link("ErratumIn"))).recalled == ""
        assert self.take(tmp_path, article(links=link("ErratumIn") + link("ErratumIn", "100"))).recalled == ""
        assert self.take(tmp_path, article(links=link("RetractionIn", "101"))).recalled == "retracted"
