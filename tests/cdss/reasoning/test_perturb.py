import pytest

from cdss.reasoning.perturb import altered_quote, bad_claims, good_claims
from cdss.reasoning.perturb.measure import measure
from cdss.reasoning.perturb.sampling import Sample, held_out, samples_of

SENTENCE = "In adults, the left renal tumor usually measures 3 cm and may be benign (rarely cystic)."


def test_each_bad_kind_changes_what_it_names() -> None:
    made = {one.kind: one.claim for one in bad_claims(SENTENCE, names=["renal tumor", "lung abscess"], others=["A b."])}
    assert made["laterality"] == SENTENCE.replace("left", "right")
    assert made["unit"] == SENTENCE.replace("3 cm", "3 mm")
    assert made["certainty"] == SENTENCE.replace("may be", "is")
    assert made["quantifier"] == SENTENCE.replace("usually", "always")
    assert made["disease"] == SENTENCE.replace("renal tumor", "lung abscess")
    assert made["elsewhere"] == "A b."
    assert "3 cm" not in made["number"]


def test_good_claims_say_the_same() -> None:
    made = {one.kind: one.claim for one in good_claims(SENTENCE)}
    assert made["verbatim"] == SENTENCE
    assert made["unit-converted"] == SENTENCE.replace("3 cm", "30 mm")
    assert made["clause-dropped"] == SENTENCE.replace(" (rarely cystic)", "")
    assert made["reordered"].endswith("in adults.")
    assert "tumour" in made["spelling"]


def test_the_same_sentence_gives_the_same_claims() -> None:
    assert good_claims(SENTENCE) == good_claims(SENTENCE)
    assert bad_claims(SENTENCE, others=["x", "y"]) == bad_claims(SENTENCE, others=["x", "y"])


@pytest.mark.parametrize("quote", ["It measures 3 cm.", "No fat is seen.", "The left lung is clear."])
def test_an_altered_quote_differs(quote: str) -> None:
    assert altered_quote(quote) not in (None, quote)


def test_figures_count_each_kind_and_all() -> None:
    figures = {(row.kind, row.truth): row for row in measure([Sample(SENTENCE, SENTENCE)])}
    assert figures["verbatim", "good"].supported == 1
    assert figures["laterality", "bad"].caught_by_name == 1
    assert figures["all", "bad"].count == sum(
        row.count for (kind, truth), row in figures.items() if truth == "bad" and kind != "all"
    )


def test_samples_are_sentences_of_their_passage_and_halves_are_fixed() -> None:
    text = "Adenomas are usually solitary and well defined on CT. Metastases are often multiple and ill defined on CT. "
    samples = list(samples_of([("a", text * 20), ("b", "Short.")], ["adenoma"]))
    assert samples
    for sample in samples:
        assert sample.sentence in sample.passage
        assert all(other not in sample.passage for other in sample.others)
    assert held_out("a") == held_out("a")
    assert len({held_out(str(number)) for number in range(20)}) == 2
