import pytest

from cdss.library.deidentify import deidentify
from cdss.library.names.people import people

FOUND = [
    ("Spoke with Karen Oyelaran this morning.", "Spoke with [name] this morning."),
    ("Her son Mehmet was told.", "Her son [name] was told."),
    ("Oyelaran denies fever.", "[name] denies fever."),
    ("cc: Dr. Szymański, Dr. Müller", "cc: Dr. [name], Dr. [name]"),
    ("PATIENT NAME: KAREN DE LA CRUZ", "PATIENT NAME: [name]"),
    ("Dr. Parkinson saw him for Parkinson disease.", "Dr. [name] saw him for Parkinson disease."),
    ("dr oyelaran was paged", "dr [name] was paged"),
    ("Dr. Oyelaran came. Oyelaran's plan stands.", "Dr. [name] came. [name]'s plan stands."),
    ("Seen at St. Brendan's Hospital in January 2020.", "Seen at [institution] in [date]."),
    ("He works for Brightwater Logistics.", "He works for [institution]."),
    ("She was born in Ashgrove.", "She was born in [place]."),
    ("Sent from 10.20.30.40 at night", "Sent from [ip] at night"),
    ("licence plate XEZ 5622 noted", "licence plate [plate] noted"),
    ("Chase Jørgensen, NP, was notified.", "[name], NP, was notified."),
]
KEPT = [
    "Acute appendicitis. Crohn disease. Colles fracture. Addison crisis.",
    "Past Medical History: Type 2 Diabetes Mellitus, Hyperlipidemia.",
    "WBC 12.5, RBCs seen, PMNs absent, D-dimer raised.",
    "She takes Lisinopril, Coumadin and Probenecid.",
    "A Brodie's abscess of the tibia; Marcus Gunn pupil on the left.",
    "MR: Left frontal mass. MS plaques are absent.",
    "Gram stain grew Staphylococcus aureus.",
    "Magnetic Resonance Imaging and Vascular Surgery consultation.",
    "He travelled to India and lives in Germany.",
    "PMID: 10601806. NCT01234567.",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_people_and_places_go(text: str, expected: str) -> None:
    assert deidentify(text).text == expected


@pytest.mark.parametrize("text", KEPT)
def test_eponyms_drugs_and_abbreviations_stay(text: str) -> None:
    assert deidentify(text).text == text


def test_nothing_is_no_name() -> None:
    assert people("") == []
    assert people("\x00 1 2 3 ---") == []


@pytest.mark.parametrize("piece", ["Oyelaran ", "Karen Oyelaran, ", "St. ", "O'", "Dr. X ", "de la ", "AB, "])
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    import time

    started = time.perf_counter()
    deidentify(piece * 5_000)
    assert time.perf_counter() - started < 10
