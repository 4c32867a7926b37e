from cdss.reasoning.merging import merged
from cdss.reasoning.types import DiagnosisDraft, StatementDraft


def draft(name: str, *support: str, score: float = 0.5) -> DiagnosisDraft:
    statements = [StatementDraft(f"{name} {n}", "for", (), support=s) for n, s in enumerate(support)]  # type: ignore[arg-type]
    return DiagnosisDraft(name, name.lower(), score, statements)


def test_a_grounded_diagnosis_of_the_model_comes_first() -> None:
    composed = [draft("Gout", "supported"), draft("Psoriasis", "supported")]
    result = merged(written=[draft("Psoriasis", "partly")], composed=composed)
    assert [d.name for d in result] == ["Psoriasis", "Gout"]
    assert result[0].statements[0].support == "partly"


def test_what_the_gate_refused_never_moves_a_diagnosis_up() -> None:
    composed = [draft("Gout", "supported"), draft("Psoriasis", "supported")]
    result = merged(written=[draft("Psoriasis", "unsupported"), draft("Lupus", "unsupported")], composed=composed)
    assert [d.name for d in result] == ["Gout", "Psoriasis", "Lupus"]
    assert [s.support for s in result[1].statements] == ["supported", "unsupported"]
    assert result[2].score == 0.0
