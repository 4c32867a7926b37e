"""What is a finding, and what is in words that nothing is known of."""

import random
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

from cdss.reasoning import known_words
from cdss.reasoning.types import CaseInput, Correction
from cdss.reasoning.understanding import read_case


def read(text: str) -> tuple[list[tuple[str, str]], list[str]]:
    reading = read_case(CaseInput(history=text))
    return [(one.text, one.assertion) for one in reading.findings], [one.text for one in reading.unknown]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("Smoker.", "Smoker"),
        ("HTN.", "HTN"),
        ("Appendicolith.", "Appendicolith"),
        ("Juxtacortical.", "Juxtacortical"),
        ("Popcorm calcifcation.", "Popcorm calcifcation"),
        ("BP 150/90.", "BP 150/90"),
        ("Omental caking.", "Omental caking"),
        ("Methemoglobin.", "Methemoglobin"),
        ("Retrocardiac.", "Retrocardiac"),
        ("Pleuroparenchymal.", "Pleuroparenchymal"),
        ("Cardiomediastinal.", "Cardiomediastinal"),
        ("Penumbra.", "Penumbra"),
        ("Contrast-enhanced nodule.", "Contrast-enhanced nodule"),
    ],
)
def test_words_of_medicine_are_a_finding(text: str, finding: str) -> None:
    assert read(text) == ([(finding, "present")], [])


@pytest.mark.parametrize(
    "text", ["zzzz qqqq the weather", "asdf", "lorem ipsum dolor sit amet", "Wir haben Fieber", "a" * 5000, "ööö ßß"]
)
def test_other_words_are_none_and_are_told(text: str) -> None:
    assert read(text) == ([], [text])


def test_random_letters_are_no_words() -> None:
    letters = random.Random(3)
    words = ["".join(letters.choices(ascii_lowercase, k=letters.randint(5, 10))) for _ in range(300)]
    assert sum(known_words.is_known(word) for word in words) <= 3


def test_what_is_understood_stands_beside_what_is_not() -> None:
    found, unknown = read("Smoker, zzzz qqqq. No fever. 45 year old woman.")
    assert found == [("Smoker", "present"), ("fever", "denied")]
    assert unknown == ["zzzz qqqq"]


def test_a_person_s_word_holds_over_the_vocabulary() -> None:
    fix = Correction("history", "zzzz qqqq", 0, "present")
    reading = read_case(CaseInput(history="zzzz qqqq.", corrections=(fix,)))
    assert [one.text for one in reading.findings] == ["zzzz qqqq"]
    assert reading.unknown == ()
    assert reading.is_understood


def test_a_case_of_unknown_words_is_not_understood_and_one_without_words_has_nothing_to_be() -> None:
    assert not read_case(CaseInput(history="zzzz qqqq")).is_understood
    assert read_case(CaseInput(history="Fever.")).is_understood
    assert read_case(CaseInput()).is_understood


@pytest.mark.parametrize("kept", [None, "", "[]", '{"key": "other", "stems": []}', "{"])
def test_words_are_made_again_where_what_is_kept_does_not_fit(
    kept: str | None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODELS_ROOT = tmp_path
    monkeypatch.setattr(known_words, "_made", lambda: frozenset(["made"]))
    if kept is not None:
        (tmp_path / "words.json").write_text(kept)
    assert known_words._stems.__wrapped__() == {"made"}
    monkeypatch.setattr(known_words, "_made", lambda: frozenset(["again"]))
    assert known_words._stems.__wrapped__() == {"made"}
