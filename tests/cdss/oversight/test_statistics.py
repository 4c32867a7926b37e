import math

import pytest

from cdss.oversight.statistics import chance_of
from cdss.proportions import Share


def test_wilsons_interval_of_known_values() -> None:
    low, high = Share(0, 10).interval
    assert low == 0
    assert high == pytest.approx(0.2775, abs=1e-4)
    low, high = Share(81, 263).interval
    assert (low, high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert Share(0, 0).interval == (0.0, 1.0)


def test_it_holds_the_true_share_about_as_often_as_it_says() -> None:
    n, share = 40, 0.15
    chances = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    held = sum(
        chance for k, chance in enumerate(chances) if Share(k, n).interval[0] <= share <= Share(k, n).interval[1]
    )
    assert 0.92 < held < 0.98


def test_the_chance_of_a_difference() -> None:
    assert chance_of(Share(50, 100), Share(50, 100)) == 1
    assert chance_of(Share(15, 100), Share(30, 100)) == pytest.approx(0.0111, abs=1e-4)
    assert chance_of(Share(0, 0), Share(3, 4)) == 1
    assert chance_of(Share(4, 4), Share(9, 9)) == 1
