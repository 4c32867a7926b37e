import pytest

from cdss.proportions import wilson
from cdss.reasoning.perturb import Surroundings, altered_quote, bad_claims, good_claims
from cdss.reasoning.perturb.measure import measure, measure_gate
from cdss.reasoning.perturb.sampling import Sample, held_out, samples_of

SENTENCE = "In adults, the left renal tumor usually measures 3 cm and may be benign (rarely cystic)."
AROUND = Surroundings(
    names=["renal tumor", "lung abscess"],
    others=["A b."],
    passage=[SENTENCE, "Hamartomas are seen in young people."],
    beside=["C d."],
)
TEXT = "Adenomas are usually solitary and well defined on CT. Metastases are often multiple and ill defined on CT. "


def bad(sentence: str, around: Surroundings | None = None) -> dict[str, str]:
    return {one.kind: one.claim for one in bad_claims(sentence, around)}


def good(sentence: str, around: Surroundings | None = None) -> dict[str, str]:
    return {one.kind: one.claim for one in good_claims(sentence, around)}


def test_each_bad_kind_changes_what_it_names() -> None:
    made = bad(SENTENCE, AROUND)
    assert made["laterality"] == SENTENCE.replace("left", "right")
    assert made["unit"] == SENTENCE.replace("3 cm", "3 mm")
    assert made["certainty"] == SENTENCE.replace("may be", "is")
    assert made["quantifier"] == SENTENCE.replace("usually", "always")
    assert made["disease"] == SENTENCE.replace("renal tumor", "lung abscess")
    assert made["population"] == SENTENCE.replace("adults", "children")
    assert (made["elsewhere"], made["same-document"]) == ("A b.", "C d.")
    assert "3 cm" not in made["number"]


@pytest.mark.parametrize(
    ("kind", "sentence", "claim"),
    [
        ("comparison", "It is larger than the cyst.", "It is smaller than the cyst."),
        ("cause", "Bleeding is caused by trauma.", "Trauma is caused by bleeding."),
        ("advice", "Aspirin is contraindicated here.", "Aspirin is indicated here."),
        ("time", "Biopsy is done before surgery.", "Biopsy is done after surgery."),
        ("modality", "It is bright on CT.", "It is bright on MRI."),
        ("body-part", "It lies in the spleen.", "It lies in the liver."),
        ("superlative", "It is one of the most common tumors.", "It is the most common tumors."),
    ],
)
def test_a_sentence_is_turned(kind: str, sentence: str, claim: str) -> None:
    assert bad(sentence)[kind] == claim


def test_the_subject_of_one_sentence_gets_what_is_said_of_another() -> None:
    passage = ["Lipomas are soft and contain fat.", "Osteosarcoma is a malignant tumor of bone."]
    made = bad(passage[0], Surroundings(passage=passage))
    assert made["recombined"] == "Lipomas is a malignant tumor of bone."


def test_good_claims_say_the_same() -> None:
    made = good(SENTENCE, AROUND)
    assert made["verbatim"] == SENTENCE
    assert made["unit-converted"] == SENTENCE.replace("3 cm", "30 mm")
    assert made["clause-dropped"] == SENTENCE.replace(" (rarely cystic)", "")
    assert made["reordered"].endswith("in adults.")
    assert "tumour" in made["spelling"]
    assert made["merged"].endswith("; hamartomas are seen in young people.")


@pytest.mark.parametrize(
    ("kind", "sentence", "claim"),
    [
        ("abbreviation", "The deep vein thrombosis was treated.", "The DVT was treated."),
        ("abbreviation", "The DVT was treated.", "The deep vein thrombosis was treated."),
        ("numeral", "It was seen in 20% of them.", "It was seen in 20 percent of them."),
        ("numeral", "It was seen in ten patients.", "It was seen in 10 patients."),
        ("voice", "The node is displaced by a large cyst.", "A large cyst displaces the node."),
        ("reordered", "A small mass is seen in the liver.", "In the liver, a small mass is seen."),
        ("reworded", "Surgery is recommended.", "Surgery is advised."),
        ("vocabulary", "Complaints of diplopia were noted.", "Complaints of double vision were noted."),
    ],
)
def test_a_sentence_is_reworded(kind: str, sentence: str, claim: str) -> None:
    assert good(sentence)[kind] == claim


def test_one_item_of_a_list_is_taken_out() -> None:
    sentence = "The late stage of disease causes fever, cough and headache."
    taken = [f"The late stage of disease causes {item}." for item in ("fever", "cough", "headache")]
    assert good(sentence)["extracted"] in taken


def test_the_same_sentence_gives_the_same_claims() -> None:
    assert good_claims(SENTENCE) == good_claims(SENTENCE)
    assert bad_claims(SENTENCE, AROUND) == bad_claims(SENTENCE, AROUND)


@pytest.mark.parametrize("quote", ["It measures 3 cm.", "No fat is seen.", "The left lung is clear."])
def test_an_altered_quote_differs(quote: str) -> None:
    assert altered_quote(quote) not in (None, quote)


def test_figures_count_each_kind_and_all() -> None:
    figures = {(row.kind, row.truth): row for row in measure([Sample(SENTENCE, SENTENCE)])}
    assert figures["verbatim", "good"].supported == 1
    assert figures["cited", "good"].supported == 1
    apart = sum(figures[kind, "good"].count for kind in ("verbatim", "cited", "framed") if (kind, "good") in figures)
    assert figures["rewordings", "good"].count == figures["all", "good"].count - apart
    assert figures["quote-altered", "bad"].left_out == 1
    assert figures["laterality", "bad"].caught_by_name == 1
    assert figures["all", "bad"].count == sum(
        row.count for (kind, truth), row in figures.items() if truth == "bad" and kind != "all"
    )


def test_the_gate_is_measured_on_any_documents() -> None:
    rows = measure_gate([("a", TEXT * 20), ("b", "Short.")], ["adenomas"])
    moved = next(row for row in rows if row.kind == "citation-moved")
    low, high = moved.interval
    assert 0 <= low <= moved.right / moved.count <= high <= 1


def test_an_interval_is_wider_for_fewer() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    few, many = wilson(9, 10), wilson(900, 1000)
    assert few[1] - few[0] > many[1] - many[0]
    assert few[0] < 0.9 < few[1]


def test_samples_are_sentences_of_their_passage_and_halves_are_fixed() -> None:
    samples = list(samples_of([("a", TEXT * 20), ("b", "Short.")], ["adenoma"]))
    assert samples
    for sample in samples:
        assert sample.sentence in sample.passage
        assert all(other not in sample.passage for other in sample.around.others)
    assert held_out("a") == held_out("a")
    assert len({held_out(str(number)) for number in range(20)}) == 2
