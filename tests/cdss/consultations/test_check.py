from cdss.consultations.pipeline import check
from cdss.reasoning.types import CaseInput, CitationDraft, DiagnosisDraft, EvidenceText, StatementDraft

TEXT = "Fat within a smooth nodule is diagnostic of a hamartoma."
EVIDENCE = [EvidenceText("E1", "literature", "d1", "Hamartoma", TEXT, 1.0)]


def checked(text: str, *citations: CitationDraft) -> StatementDraft:
    draft = DiagnosisDraft("Hamartoma", "hamartoma", 1.0, [StatementDraft(text, "for", citations)])
    return check([draft], EVIDENCE, CaseInput(findings="A nodule."))[0].statements[0]


def test_a_true_citation_stays() -> None:
    statement = checked(TEXT, CitationDraft("E1", TEXT, 0, len(TEXT)))
    assert statement.support == "supported"
    assert [citation.quote for citation in statement.citations] == [TEXT]


def test_an_altered_quote_and_an_invented_source_lead_nowhere() -> None:
    altered = CitationDraft("E1", TEXT.replace("smooth", "spiculated"), 0, len(TEXT))
    invented = CitationDraft("E9", TEXT, 0, len(TEXT))
    for citation in (altered, invented):
        statement = checked(TEXT, citation)
        assert statement.support == "unsupported"
        assert list(statement.citations) == []
        assert statement.reasons
