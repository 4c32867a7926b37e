"""The findings of a text, on sentences written for this test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.terms import Finding, affirmed_text, findings, without
from retrieval.terms.places import anatomy, modality

# Each finding of each sentence, with P present, D denied, U uncertain, H of the past, under the words it is found by.
LABELLED = [
    ("No pleural effusion or pneumothorax.", "effusion D · pneumothorax D"),
    ("There is no evidence of pneumonia, edema, or nodules.", "pneumonia D · edema D · nodules D"),
    ("Lungs are clear of consolidation, effusion, or pneumothorax.", "consolidation D · effusion D · pneumothorax D"),
    ("The lungs are free of any focal opacity.", "opacity D"),
    ("No focal opacity to suggest a pneumonia.", "opacity D · pneumonia D"),
    ("There is no pleural line to suggest pneumothorax.", "pleural line D · pneumothorax D"),
    (
        "A vein that cannot be flattened by compression, widened and filled with low-level echoes.",
        "flattened by compression D · widened P · echoes P",
    ),
    ("The vein cannot be compressed, displaced or filled.", "compressed D · displaced D · filled D"),
    ("Streaky opacity that may suggest atelectasis.", "opacity P · atelectasis U"),
    ("Atelectasis versus scarring at the left base.", "Atelectasis U · scarring U"),
    ("Bibasilar opacities, atelectasis versus pneumonia.", "opacities P · atelectasis U · pneumonia U"),
    ("Opacity which may represent early pneumonia.", "Opacity P · pneumonia U"),
    ("Blunting which could be secondary to a small effusion.", "Blunting P · effusion U"),
    ("Markings may be due to edema.", "Markings P · edema U"),
    ("The differential diagnosis includes lymphoma and sarcoidosis.", "lymphoma U · sarcoidosis U"),
    ("Question left basilar infiltrate.", "infiltrate U"),
    ("Edema is a possibility.", "Edema U"),
    ("Additional fractures cannot entirely be excluded.", "fractures U"),
    ("A hilar mass cannot be excluded.", "mass U"),
    ("Cannot exclude a small embolus.", "embolus U"),
    ("Possible lateral rib fracture.", "fracture U"),
    ("Probable bilateral effusions and elevation of the diaphragm.", "effusions U · elevation U"),
    ("Suspected hilar mass with obstructive atelectasis.", "mass U · atelectasis U"),
    ("Granuloma noted in the right base.", "Granuloma P"),
    ("Cardiomegaly is noted and is stable.", "Cardiomegaly P"),
    ("Stable cardiomegaly without edema.", "cardiomegaly P · edema D"),
    ("Mild cardiomegaly with no focal consolidation.", "cardiomegaly P · consolidation D"),
    ("The previously seen effusion has resolved.", "effusion D"),
    ("Interval resolution of the right effusion.", "effusion H"),
    ("Resolution of pneumothorax.", "pneumothorax H"),
    ("Old healed rib fractures.", "fractures H"),
    ("Prior granulomatous disease.", "granulomatous disease H"),
    ("Status post nephrectomy.", "nephrectomy H"),
    ("History of melanoma.", "melanoma H"),
    ("Past medical history significant for asthma and gout.", "asthma H · gout H"),
    ("She had a hysterectomy 5 years ago.", "hysterectomy H"),
    ("History of melanoma, now presents with a seizure.", "melanoma H · seizure P"),
    ("A 3 day history of eye pain.", "eye pain P"),
    ("A two-month history of weight loss.", "weight loss P"),
    ("A long-standing history of cough.", "cough P"),
    ("No history of trauma.", "trauma D"),
    ("Family history of sarcoidosis.", "sarcoidosis H"),
    ("Denies fever, chills, or night sweats.", "fever D · chills D · night sweats D"),
    ("Denies fever but has a cough.", "fever D · cough P"),
    ("No cough, no haemoptysis, no weight loss.", "cough D · haemoptysis D · weight loss D"),
    ("Negative for fracture or dislocation.", "fracture D · dislocation D"),
    ("No fat is evident; calcification is present.", "fat D · calcification P"),
    ("Calcification is absent.", "Calcification D"),
    ("No change in the left nodule.", "nodule P"),
    ("Not only the liver but also the spleen is enlarged.", "liver P · spleen P"),
    ("A non-enhancing lesion in the liver.", "lesion P"),
    ("Lymphoma is unlikely.", "Lymphoma D"),
    ("The mass does not enhance.", "mass P"),
    ("Neither hydronephrosis nor calculus is seen.", "hydronephrosis D · calculus D"),
    ("The appendix is not visualized.", "appendix D"),
    ("Without midline shift or herniation.", "midline shift D · herniation D"),
    ("Pulmonary embolism was ruled out.", "Pulmonary embolism D"),
    ("MRI to rule out abscess.", "abscess U"),
    ("Findings are suspicious for abscess.", "abscess U"),
    ("Suggestive of emphysema.", "emphysema U"),
    ("Clear lungs with no suspicious nodules or masses.", "nodules D · masses D"),
    ("A cyst in the left kidney and a stone in the right ureter.", "cyst P · stone P"),
]  # fmt: skip
LETTERS = {"P": "present", "D": "denied", "U": "uncertain", "H": "historical"}
MENTIONS = [(sentence, *mention.rsplit(" ", 1)) for sentence, mentions in LABELLED for mention in mentions.split(" · ")]


@pytest.mark.parametrize(("sentence", "words", "letter"), MENTIONS)
def test_what_is_there_and_what_is_not(sentence: str, words: str, letter: str) -> None:
    read = {one.assertion for one in findings(sentence) if words in one.text}
    assert read == {LETTERS[letter]}


def test_a_finding_carries_side_size_organ_and_imaging() -> None:
    (mass,) = findings("CT shows a 2.5 x 3 cm left upper lobe mass.", part="findings")[1:]
    assert (mass.text, mass.part, mass.laterality) == ("2.5 x 3 cm left upper lobe mass", "findings", "left")
    assert (mass.measures, mass.anatomy, mass.modality) == (("2.5 x 3 cm",), ("upper lobe",), "CT")


@pytest.mark.parametrize(
    ("text", "organs"),
    [
        ("left renal mass", ("kidney",)),
        ("hepatic and splenic lesions", ("liver", "spleen")),
        ("Oesophageal wall", ("esophagus",)),
        ("vertebrae", ("vertebra",)),
        ("fever", ()),
    ],
)
def test_anatomy(text: str, organs: tuple[str, ...]) -> None:
    assert anatomy(text) == organs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T2 weighted axial image shows a mass", "MR"),
        ("A chest radiograph", "XR"),
        ("CT angiography", "angiography"),
        ("US shows a cyst", "US"),
        ("She told us of pain", ""),
        ("FDG PET/CT", "PET"),
    ],
)
def test_modality(text: str, expected: str) -> None:
    assert modality(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No fat or calcification is evident. The mass enhances.", "The mass enhances."),
        ("Denies fever but has cough.", "But has cough."),
        ("A nodule without calcification.", "A nodule."),
        ("No cough.", "No cough."),
        ("A mass.", "A mass."),
        ("", ""),
    ],
)
def test_a_search_text_without_what_is_denied(text: str, expected: str) -> None:
    assert affirmed_text(text) == expected


TEXT = st.lists(st.sampled_from([sentence for sentence, _ in LABELLED]), min_size=1, max_size=4, unique=True).map(
    " ".join
)


@given(TEXT)
def test_nothing_denied_is_left_and_everything_else_is(text: str) -> None:
    read = findings(text)
    left = affirmed_text(text, read)
    assert all(one.text in left for one in read if one.assertion != "denied" and "," not in one.text)
    if any(one.assertion != "denied" for one in read):
        assert not [one.text for one in findings(left) if one.assertion == "denied"]


@given(TEXT, st.data())
def test_words_that_are_cut_out_change_no_other_finding(text: str, data: st.DataObject) -> None:
    read = findings(text)
    cut = data.draw(st.lists(st.sampled_from(read), unique=True))
    kept = {(one.text.lower(), one.assertion) for one in read if one not in cut}
    assert kept <= {(one.text.lower(), one.assertion) for one in findings(without(text, cut, read))}


@given(st.text(alphabet="nomasleft rgh,.;3cmx\nvs?"))
def test_offsets_always_slice_to_the_finding(text: str) -> None:
    read = findings(text)
    assert all(text[one.start : one.end] == one.text for one in read)
    without(text, read, read)


def test_a_text_without_full_stops_is_read_in_time_that_grows_with_it() -> None:
    import time

    def seconds(times: int) -> float:
        text = "history of mass versus differential diagnosis includes may be due to cyst, " * times
        started = time.perf_counter()
        findings(text)
        return time.perf_counter() - started

    assert seconds(200) < 60 * max(seconds(20), 0.001)


def test_a_finding_can_stand_in_a_set() -> None:
    assert len({Finding("a", 0, 1), Finding("a", 0, 1, codes={"icd10cm": "R05"})}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "He presented with neck pain to his primary care physician.",
        "Neck pain at the emergency department.",
        "Seen at an outside hospital with neck pain.",
        "Neck pain reported to the ED.",
    ],
)
def test_who_was_told_of_a_finding_is_no_part_of_it(text: str) -> None:
    assert [one.text.lower() for one in findings(text)] == ["neck pain"]
