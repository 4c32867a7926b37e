"""One claim against one passage: each rule with a claim that keeps it and one that breaks it."""

import time

import pytest

from cdss.reasoning.gate import find_support

PASSAGE = (
    "Pulmonary hamartomas are benign tumors and are usually peripheral. They comprise approximately 5% of all solitary "
    "nodules. No fat is seen in the left lung. The mass measures 2.5 cm. Calcification may be present. "
    "It is hypointense on T1 and hyperintense on T2. Cough is more common in men than in women. "
    "Obstruction of the bronchus causes atelectasis. MRI is superior to CT for the chest wall. "
    "Survival was 38% with treatment and 56% without treatment. Acute pain is rare."
)


@pytest.mark.parametrize(
    "claim",
    [
        "Pulmonary hamartomas are benign neoplasms.",
        "Pulmonary hamartoma is usually peripheral.",
        "Hamartomas make up about 5% of solitary nodules.",
        "In the left lung, no fat is seen.",
        "Fat is absent in the left lung.",
        "The mass measures 25 mm.",
        "Calcification can be present.",
        "It is hyperintense on T2.",
        "It is hyperintense on T2 and hypointense on T1.",
        "Cough is more common in males than in females.",
        "Bronchial obstruction causes atelectasis.",
        "Atelectasis is caused by obstruction of the bronchus.",
        "Survival with treatment was 38%.",
        "Acute pain is uncommon.",
        "Pulmonary hamartomas are benign tumours; calcification may be present.",
    ],
)
def test_what_the_passage_says_is_supported(claim: str) -> None:
    assert find_support(claim, PASSAGE).support == "supported", find_support(claim, PASSAGE)


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Pulmonary hamartomas are not benign tumors.", "negation"),
        ("Fat is seen in the left lung.", "negation"),
        ("No fat is seen in the right lung.", "laterality"),
        ("No fat is seen in both lungs.", "laterality"),
        ("The mass measures 3.5 cm.", "number"),
        ("The mass measures 2.5 mm.", "unit"),
        ("The mass measures more than 2.5 cm.", "number"),
        ("They comprise approximately 15% of all solitary nodules.", "number"),
        ("Calcification is present.", "certainty"),
        ("Pulmonary hamartomas are always peripheral.", "quantifier"),
        ("Pulmonary hamartomas are malignant tumors.", "antonym:malignant"),
        ("It is hyperintense on T1 and hypointense on T2.", "order"),
        ("It is hyperintense on T1.", "antonym:hyperintense"),
        ("Cough is more common in women than in men.", "antonym:women"),
        ("Atelectasis causes obstruction of the bronchus.", "order"),
        ("CT is superior to MRI for the chest wall.", "order"),
        ("Survival was 56% with treatment and 38% without treatment.", "number"),
        ("Pulmonary hamartomas are benign cartilaginous tumors.", "not-in-quote:cartilaginous"),
        ("Pulmonary carcinoids are benign tumors.", "not-in-quote:carcinoids"),
        ("Chronic pain is rare.", "antonym:chronic"),
        ("Acute pain is common.", "quantifier"),
    ],
)
def test_what_it_does_not_say_is_refused_with_the_reason(claim: str, reason: str) -> None:
    verdict = find_support(claim, PASSAGE)
    assert verdict.support != "supported"
    assert reason in verdict.reasons, verdict


def test_the_quote_is_the_sentence_that_says_it() -> None:
    verdict = find_support("The mass measures 25 mm.", PASSAGE)
    assert verdict.quote == "The mass measures 2.5 cm."
    assert PASSAGE[verdict.start : verdict.end] == verdict.quote


def test_a_pronoun_takes_its_subject_from_the_sentence_before_and_the_quote_holds_both() -> None:
    verdict = find_support("Pulmonary hamartomas comprise approximately 5% of solitary nodules.", PASSAGE)
    assert verdict.support == "supported"
    assert verdict.quote.startswith("Pulmonary hamartomas")
    assert verdict.quote.endswith("nodules.")


def test_a_sentence_with_its_own_subject_lends_nothing_to_another() -> None:
    passage = "Hamartomas are benign. Ultrasound is of little use. CT is the study of choice."
    assert find_support("CT is the study of choice.", passage).support == "supported"
    assert find_support("Ultrasound is the study of choice.", passage).support != "supported"


def test_two_sentences_are_not_mixed_into_a_third() -> None:
    passage = "Adenomas are solitary. Metastases are multiple and hypervascular."
    assert find_support("Adenomas are hypervascular.", passage).support != "supported"


def test_an_abbreviation_that_the_passage_explains_may_stand_for_its_words() -> None:
    passage = "Nontuberculous mycobacteria (NTM) cause nodules. NTM are common in women."
    assert find_support("Nontuberculous mycobacteria are common in women.", passage).support == "supported"


def test_what_only_the_case_says_is_checked_against_the_case() -> None:
    case = "A 58-year-old man. Mass in the left lung. No fever."
    assert find_support("In this case there is a mass in the left lung.", PASSAGE, case).support == "supported"
    wrong_side = find_support("In this case there is a mass in the right lung.", PASSAGE, case)
    assert (wrong_side.support, wrong_side.reasons[0]) == ("unsupported", "case-laterality")
    assert find_support("This case reports fever.", PASSAGE, case).support == "unsupported"


@pytest.mark.parametrize("passage", ["", " ", "…", "=====", "12 34"])
def test_an_empty_passage_supports_nothing(passage: str) -> None:
    verdict = find_support("The mass enhances.", passage)
    assert (verdict.support, verdict.quote) == ("unsupported", "")


@pytest.mark.parametrize(
    "text", ["hyperintense on T1 and hypointense on T2 3 cm " * 32, "not 3 cm, left " * 90, "“" * 1400]
)
def test_repetition_makes_no_check_slow(text: str) -> None:
    started = time.process_time()
    find_support(text, text * 4)
    assert time.process_time() - started < 2


def test_a_claim_longer_than_a_paragraph_is_refused_unread() -> None:
    assert find_support("The mass enhances. " * 100, "The mass enhances.").reasons == ("claim-too-long",)


@pytest.mark.parametrize(
    ("claim", "passage", "support"),
    [
        ("Patients present with breathlessness.", "Patients present with dyspnoea.", "supported"),
        ("Rectal bleeding is common.", "Hematochezia is common.", "supported"),
        ("Cholelithiasis was found.", "Gallbladder stones were found.", "supported"),
        ("Double vision is a late sign.", "Diplopia is a late sign.", "supported"),
        ("Patients present with dysphasia.", "Patients present with difficulty swallowing.", "unsupported"),
        ("Haematemesis is common.", "Coughing up blood is common.", "unsupported"),
    ],
)
def test_a_finding_may_go_by_its_other_names_and_by_no_other(claim: str, passage: str, support: str) -> None:
    assert find_support(claim, passage).support == support
