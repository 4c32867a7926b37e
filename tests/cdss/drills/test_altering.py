"""What is planted reads as English, with figures somebody might have written."""

import re

import pytest
from django.conf import settings

from cdss.drills.altering import number_changed, side_exchanged
from cdss.drills.turning import negation_turned
from cdss.management.site import FIXTURES


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("About 30% contain fat on CT.", "About 30% do not contain fat on CT."),
        ("Hamartoma contains fat in about half.", "Hamartoma does not contain fat in about half."),
        ("There is no calcification.", "There is calcification."),
        ("There is no fracture of the rib.", "There is a fracture of the rib."),
        ("There is an intimal flap.", "There is no intimal flap."),
        ("No aneurysm is seen.", "An aneurysm is seen."),
        ("No enlarged nodes are seen.", "Enlarged nodes are seen."),
        ("A nodule without calcification.", "A nodule with calcification."),
        ("Joint spaces without erosions argue against it.", "Joint spaces with erosions argue against it."),
        ("A nodule without a capsule.", "A nodule with a capsule."),
        ("A mass with a central scar.", "A mass without a central scar."),
        ("It has been treated for a year.", "It has not been treated for a year."),
        ("The flap can reach the arch.", "The flap cannot reach the arch."),
        ("The cyst does not enhance.", "The cyst enhances."),
        ("Cysts do not enhance.", "Cysts enhance."),
        ("The lesion cannot be resected.", "The lesion can be resected."),
        ("The lesion shows no enhancement.", "The lesion shows enhancement."),
    ],
)
def test_negation(text: str, wrong: str) -> None:
    assert negation_turned(text) == wrong


@pytest.mark.parametrize(
    "text",
    [
        "It does not contain any fat.",
        "A lumen with or without a communication.",
        "The age of the patient, fat and calcium.",
        "It is not only solid but also cystic.",
        "Treatment without delaying the operation.",
        "Is it benign?",
        "There are two nodules.",
        "It affects mainly the young.",
        "There is no longer a mass.",
    ],
)
def test_no_negation_where_it_would_not_read(text: str) -> None:
    assert negation_turned(text) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A mass of the left lobe.", "A mass of the right lobe."),
        ("Left hilar nodes.", "Right hilar nodes."),
        ("Bilateral hilar nodes.", "Unilateral hilar nodes."),
        ("Weakness of the left arm and left leg.", "Weakness of the right arm and right leg."),
        ("It lies to the left or right.", None),
        ("The cyst is left untreated.", None),
        ("Small bilateral kidneys.", None),
        ("A left-to-right shunt.", None),
        ("The heart is large.", None),
    ],
)
def test_sides(text: str, wrong: str | None) -> None:
    assert side_exchanged(text) == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("About 80% contain fat.", "About 40% contain fat."),
        ("A 4-year-old boy.", "An 8-year-old boy."),
        ("An 8-year-old girl.", "A 16-year-old girl."),
        ("A 65-year-old man.", "A 30-year-old man."),
        ("A nodule of 12 mm.", "A nodule of 24 mm."),
        ("Wider than 2.5 cm.", "Wider than 5.0 cm."),
        ("A mass of 1 cm.", "A mass of 3 cm."),
        ("After 1 year.", None),
        ("An air space of 14 cm.", "An air space of 7 cm."),
        ("Between 5 and 25 years.", None),
        ("From 20 to 40 years.", None),
        ("It measured 5.2 x 1.8 x 6 cm.", None),
        ("In 40% (17/20) of them.", None),
        ("The 95% confidence interval.", None),
        ("Neurofibromatosis type 2 years ago.", None),
        ("Published in 1998.", None),
        ("It occurs in 1 of 10 patients.", None),
        ("In 100% of patients.", None),
    ],
)
def test_numbers(text: str, wrong: str | None) -> None:
    assert number_changed(text) == wrong


SLIPS = re.compile(
    r"\b(?:been not|can not|not not|with or with|no (?:no|not|any)|not (?:any|some)\b"
    r"|do(?:es)? not [a-z]+[a-rt-z]s the)\b"
    r"|\b[Aa]n (?:[bcdfgjklmnpqrstvwxyz][a-z]|[2-79]\d?\b|1[^18\d])|\b[Aa] (?:[aio][a-z]|8|1[18]\b)|\d{3,}%|\b0 ",
)


def test_every_sentence_of_the_demonstration_library() -> None:
    texts = [(settings.DEMO_ROOT / name).read_text() for name in FIXTURES]
    sentences = sorted({part for text in texts for part in re.findall(r"[A-Z][^.!?\"\\]{30,250}\.(?=[ \"\\])", text)})
    made = [(old, new) for change in (negation_turned, side_exchanged, number_changed) for old in sentences
            if (new := change(old))]  # fmt: skip
    assert len(made) > 300
    assert [new for old, new in made if len(SLIPS.findall(new)) > len(SLIPS.findall(old))] == []
