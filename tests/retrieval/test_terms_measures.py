from math import inf

import pytest

from retrieval.terms import measures


@pytest.mark.parametrize(
    ("text", "base", "normalised"),
    [
        ("3.5 cm", "mm", (35, 35)),
        ("35 mm", "mm", (35, 35)),
        ("2–4 cm", "mm", (20, 40)),
        ("2 to 4 cm", "mm", (20, 40)),
        ("less than 4 cm", "mm", (-inf, 40)),
        ("<10%", "%", (-inf, 10)),
        ("greater than 2.5 cm", "mm", (25, inf)),
        ("4 cm or more", "mm", (40, inf)),
        ("at least 3 days", "day", (3, inf)),
        ("a 58-year-old man", "year", (58, 58)),
        ("five years", "year", (5, 5)),
        ("2 weeks", "day", (14, 14)),
        ("27 HU", "hu", (27, 27)),
        ("300 mg", "mg", (300, 300)),
        ("0.3 g", "mg", (300, 300)),
        ("50 ml", "ml", (50, 50)),
        ("half of cases", "%", (50, 50)),
        ("1,200 patients", "", (1200, 1200)),
    ],
)
def test_one_measure(text: str, base: str, normalised: tuple[float, float]) -> None:
    (found,) = measures(text)
    assert found.base == base
    assert found.normalised == pytest.approx(normalised)
    assert text[found.start : found.end].strip() in text


def test_all_sides_of_a_size_have_its_unit() -> None:
    assert [found.normalised for found in measures("14.1 x 9.9 x 14.6 cm")] == [
        (141, 141),
        (99, 99),
        (146, 146),
    ]


def test_numbers_inside_words_are_no_quantities() -> None:
    assert measures("T2 signal at L4 in the one lesion") == []
