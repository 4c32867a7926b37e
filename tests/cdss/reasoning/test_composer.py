from cdss.reasoning.composer import Sources, compose
from cdss.reasoning.gate import check_statement
from cdss.reasoning.patients import Patient
from cdss.reasoning.types import Candidate, CaseInput, DiagnosisDraft, EvidenceText

TEXT = (
    "Pulmonary hamartoma is a benign tumour. Popcorn calcification is seen in a well-circumscribed nodule. "
    "Fat attenuation is expected inside the nodule. Spiculated margins are absent. "
    "Thin-section CT is the best test to confirm fat."
)


def composed(findings: str, text: str = TEXT, about: str = "hamartoma pulmonary", **evidence: str) -> DiagnosisDraft:
    piece = EvidenceText("E1", evidence.get("kind", "literature"), "d1", "Pulmonary hamartoma", text, 1.0)
    sources = Sources({7: piece}, {7: frozenset([about])}, {7: {"carcinoid": "Carcinoid tumor"}})
    concept = evidence.get("concept", "hamartoma pulmonary")
    candidate = Candidate("Hamartoma", concept, 1.0, [7])
    return compose(case=CaseInput(findings=findings), candidates=[candidate], sources=sources)[0]


def told(draft: DiagnosisDraft, stance: str) -> list[str]:
    return [statement.text for statement in draft.statements if statement.stance == stance]


def test_every_quote_stands_at_its_offsets() -> None:
    draft = composed("A nodule with popcorn calcification. No fat.")
    for statement in draft.statements:
        for citation in statement.citations:
            assert TEXT[citation.start : citation.end] == citation.quote
            assert citation.quote in statement.text


def test_a_reported_finding_that_is_described_speaks_for_it() -> None:
    draft = composed("A nodule with popcorn calcification.")
    assert any("reports “popcorn calcification”" in text for text in told(draft, "for"))
    assert told(draft, "against") == []


def test_a_denied_finding_that_is_expected_speaks_against_it() -> None:
    assert any("denies “fat”" in text for text in told(composed("No fat."), "against"))


def test_a_reported_finding_that_is_denied_speaks_against_it() -> None:
    assert any("reports “Spiculated margins”" in text for text in told(composed("Spiculated margins."), "against"))


def test_a_finding_denied_on_both_sides_speaks_for_it() -> None:
    assert any("denies “spiculated margins”" in text for text in told(composed("No spiculated margins."), "for"))


def test_the_other_side_of_the_body_says_nothing() -> None:
    text = "A calculus in the left ureter causes hydronephrosis. Haematuria is frequent."
    assert not told(composed("A calculus in the right ureter.", text), "against")
    assert not any(
        "calculus" in line and "reports" in line
        for line in told(composed("Calculus in the right ureter.", text), "for")
    )


def test_words_of_technique_and_place_alone_are_no_finding() -> None:
    text = "Axial CT image of the right upper lobe. The lung shows an abscess with a thick wall."
    draft = composed("Axial CT image of the right upper lobe.", text)
    assert not any("reports" in line for line in told(draft, "for"))


def test_without_a_match_it_says_only_what_the_source_states() -> None:
    assert told(composed("Flank pain."), "for") == ["The source states “Pulmonary hamartoma is a benign tumour.”."]


def test_a_listed_differential_never_borrows_the_findings_of_another_disease() -> None:
    text = "Popcorn calcification is seen. Differential: Carcinoid tumor."
    draft = composed("Popcorn calcification.", text, concept="carcinoid")
    assert told(draft, "for") == ["The source lists “Carcinoid tumor”."]


def test_of_a_prior_case_only_its_description_is_quoted() -> None:
    text = "Findings:\nPopcorn calcification in a nodule.\n\nTreatment:\nPopcorn calcification was resected fully."
    quotes = [c.quote for s in composed("Popcorn calcification.", text, kind="case").statements for c in s.citations]
    assert quotes == ["Popcorn calcification in a nodule."]


def test_the_next_step_names_a_test() -> None:
    assert told(composed("A nodule."), "next") == [
        "The source states “Thin-section CT is the best test to confirm fat.”."
    ]


def test_a_sentence_about_a_look_alike_never_speaks_for_this_disease() -> None:
    text = (
        "Bronchial carcinoid arises centrally. Pulmonary hamartoma contains fat or popcorn calcification. "
        "Absence of popcorn calcification argues against pulmonary hamartoma. The nodule enhances avidly."
    )
    piece = EvidenceText("E1", "literature", "d1", "Bronchial carcinoid", text, 1.0)
    names = {"bronchial carcinoid": ["Bronchial carcinoid"], "hamartoma pulmonary": ["Pulmonary hamartoma"]}
    sources = Sources({7: piece}, {7: frozenset(["bronchial carcinoid"])}, {}, names)
    candidate = Candidate("Bronchial carcinoid", "bronchial carcinoid", 1.0, [7])
    case = CaseInput(findings="A nodule with popcorn calcification. It enhances avidly.")
    (draft,) = compose(case=case, candidates=[candidate], sources=sources)
    assert not any("hamartoma" in statement.text for statement in draft.statements)
    assert any("enhances avidly" in text for text in told(draft, "for"))


def test_what_no_sentence_mentions_is_left_unexplained() -> None:
    draft = composed("Popcorn calcification. Ascites. No pneumothorax. Tender left calf.")
    assert list(draft.unexplained) == ["Ascites", "Tender left calf"]
    assert list(composed("Popcorn calcification.").unexplained) == []


def test_without_a_source_on_it_nothing_is_said_of_what_is_unexplained() -> None:
    assert list(composed("Ascites.", concept="carcinoid").unexplained) == []


def of_age(age: str, years: float | None, text: str) -> list[str]:
    piece = EvidenceText("E1", "literature", "d1", "Wilms tumor", text, 1.0)
    sources = Sources({7: piece}, {7: frozenset(["wilms"])}, {})
    case = CaseInput(age=age, findings="A mass of the kidney.")
    candidate = Candidate("Wilms tumor", "wilms", 1.0, [7])
    (draft,) = compose(case=case, candidates=[candidate], sources=sources, patient=Patient(years))
    for statement in draft.statements:
        assert check_statement(statement=statement, evidence={"E1": piece}, case=case).support == "supported"
    return told(draft, "against")


def test_an_unusual_age_is_told_where_a_source_names_the_usual_one() -> None:
    text = "Wilms tumor is a mass of the kidney. It typically occurs in children under 5 years of age."
    assert of_age("62", 62.0, text) == [
        "This case reports “62 years old”; the source states “It typically occurs in children under 5 years of age.”."
    ]
    assert of_age("4", 4.0, text) == of_age("", None, text) == []
    assert of_age("62", 62.0, "Wilms tumor is a mass of the kidney. It seldom occurs in adults of that age.") == []
    assert of_age("62", 62.0, f"{text} A second peak is seen between 55 and 70 years of age.") == []
