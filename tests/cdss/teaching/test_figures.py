"""Spacing, places on an image, item analysis and calibration: numbers against numbers worked out by hand."""

import datetime as dt
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.teaching.hotspots import HotSpotError, hits, point_of, read_shapes, stored, typed
from cdss.teaching.item_analysis import figures
from cdss.teaching.models import Attempt
from cdss.teaching.progress import brier, calibration, over_time
from cdss.teaching.spacing import LEAST_EASE, MOST_DAYS, Spacing, after, due_on, quality


def test_the_intervals_of_sm_2() -> None:
    state = Spacing()
    days, eases = [], []
    for grade in (5, 5, 5, 4, 3):
        state = after(state, grade)
        days.append(state.interval_days)
        eases.append(round(state.ease, 2))
    # EF' = EF + 0.1 - (5-q)(0.08 + (5-q)0.02); 6 x 2.7 = 16.2, 17 x 2.8 = 47.6, 48 x 2.8 = 134.4
    assert eases == [2.6, 2.7, 2.8, 2.8, 2.66]
    assert days == [1, 6, 17, 48, 135]
    lapsed = after(state, 1)
    assert (lapsed.repetitions, lapsed.interval_days, lapsed.lapses, lapsed.ease) == (0, 1, 1, state.ease)
    assert due_on(dt.date(2026, 1, 31), lapsed) == dt.date(2026, 2, 1)


@given(st.lists(st.integers(0, 5), max_size=60))
def test_an_interval_stays_between_a_day_and_half_a_year(grades: list[int]) -> None:
    state = Spacing()
    for grade in grades:
        state = after(state, grade)
        assert 1 <= state.interval_days <= MOST_DAYS
        assert state.ease >= LEAST_EASE


def test_a_grade_that_is_none() -> None:
    with pytest.raises(ValueError, match="0 to 5"):
        after(Spacing(), 6)


@pytest.mark.parametrize(
    ("place", "credit", "confidence", "expected"),
    [(1, 1.0, 90, 5), (1, 1.0, 30, 4), (3, 1.0, 90, 3), (None, 0.75, 30, 2), (None, 0.0, 30, 1), (None, 0.75, 90, 0),
     (None, None, 0, 1)],
)  # fmt: skip
def test_what_an_answer_is_worth(place: int | None, credit: float | None, confidence: int, expected: int) -> None:
    assert quality(place=place, icd_credit=credit, confidence=confidence) == expected


SHAPES = "rectangle 10 20 30 40\nellipse 80, 80, 10, 5\npolygon 0 0 10 0 0 10"


def test_places_in_and_beside_shapes() -> None:
    rows = stored(read_shapes(SHAPES))
    for inside in ((10, 20), (40, 60), (25, 40), (80, 84.9), (89.9, 80), (2, 2)):
        assert hits(rows, dict(zip("xy", inside, strict=True))), inside
    for outside in ((9.9, 20), (40.1, 60), (80, 85.1), (88, 84), (8, 8), (100, 100)):
        assert not hits(rows, dict(zip("xy", outside, strict=True))), outside
    assert not hits(rows, {})
    assert read_shapes(typed(rows)) == read_shapes(SHAPES)


@pytest.mark.parametrize(
    "text",
    ["", "circle 1 2 3", "rectangle 1 2 3", "rectangle 1 2 0 4", "rectangle 1 2 3 101", "rectangle nan 2 3 4",
     "rectangle -1 2 3 4", "ellipse 1 2 3 inf", "polygon 1 2 3 4", "polygon 1 2 3 4 5", "rectangle a b c d",
     "rectangle 1 1 1 1\n" * 9, "polygon " + "1 2 " * 61, "1 2 3 4", "rectangle 1e999 1 1 1"],
)  # fmt: skip
def test_shapes_that_are_refused(text: str) -> None:
    with pytest.raises(HotSpotError):
        read_shapes(text)


@pytest.mark.parametrize(("x", "y"), [("", "5"), ("a", "5"), ("-1", "5"), ("101", "5"), ("nan", "5"), ("inf", "1")])
def test_a_point_that_is_none(x: str, y: str) -> None:
    assert point_of(x, y) == {}


def test_difficulty_and_discrimination_by_hand() -> None:
    right = [True, True, True, False, False]
    rest = [1.0, 0.8, 0.6, 0.4, 0.2]
    found = figures(right, rest)
    assert (found.difficulty.count, found.difficulty.n) == (3, 5)
    # Means .8 and .6, spread sqrt(.08); r = (.8 - .6)/.28284 x sqrt(.6/.4) = .866
    assert found.correlation is not None
    assert found.correlation.value == pytest.approx(0.8660, abs=1e-4)
    assert (found.correlation.low, found.correlation.high) == pytest.approx((-0.0689, 0.9910), abs=2e-3)
    assert found.upper_lower is None


def test_upper_less_lower_of_27_percent() -> None:
    right = [True] * 5 + [False] * 5
    assert figures(right, [n / 10 for n in range(10, 0, -1)]).upper_lower == 1.0
    found = figures(right, [n / 10 for n in range(1, 11)])
    assert (found.upper_lower, found.group) == (-1.0, 3)
    assert figures(right, [0.5] * 10).upper_lower == 0.0


@pytest.mark.parametrize(("right", "rest"), [([], []), ([True] * 6, [0.1] * 6), ([True, False] * 3, [0.5] * 6)])
def test_nothing_to_tell_apart(right: list[bool], rest: list[float]) -> None:
    assert figures(right, rest).correlation is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=40))
def test_figures_stay_in_their_range(pairs: list[tuple[bool, float]]) -> None:
    found = figures([right for right, _ in pairs], [rest for _, rest in pairs])
    if found.correlation:
        assert -1 <= found.correlation.low <= found.correlation.value <= found.correlation.high <= 1
        assert not isnan(found.correlation.value)
    assert found.upper_lower is None or -1 <= found.upper_lower <= 1


def attempt(confidence: int, place: int | None, number: int = 0) -> Attempt:
    return Attempt(pk=number, confidence=confidence, place=place, created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def test_calibration_and_brier_by_hand() -> None:
    rows = [attempt(90, 1), attempt(90, 1), attempt(90, None), attempt(10, None)]
    bands = calibration(rows)
    assert [(band.low, band.high, band.right.count, band.right.n) for band in bands] == [(0, 20, 0, 1), (80, 100, 2, 3)]
    # (.01 + .01 + .81 + .01) / 4
    assert brier(rows) == pytest.approx(0.21)
    windows = over_time([attempt(50, 1, number) for number in range(13)])
    assert [(window.first, window.last, window.brier) for window in windows] == [(1, 10, 0.25), (11, 13, 0.25)]
