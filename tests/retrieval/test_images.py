"""Greys to bytes, in bands that leave no trace."""

import numpy as np
import pytest

from retrieval import images
from retrieval.images import by_bands, stretch


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("padded", [False, True])
def test_bands_make_no_difference(kind: str, padded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    values = (np.random.default_rng(5).normal(100, 40, (37, 23))).astype(kind)
    ignore = values < 60 if padded else None
    whole = stretch(values, ignore=ignore, convert=lambda part: part.astype(np.float32) * 3 - 7)
    monkeypatch.setattr(images, "BAND", 50)
    assert np.array_equal(stretch(values, ignore=ignore, convert=lambda part: part.astype(np.float32) * 3 - 7), whole)
    assert (int(whole.min()), int(whole.max())) == (0, 255)


@pytest.mark.parametrize(("value", "shown"), [(0, 0), (9, 128), (-4, 0)])
def test_one_value_everywhere_is_one_shade(value: int, shown: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "BAND", 10)
    assert set(np.unique(stretch(np.full((9, 9), value, dtype=np.int16)))) == {shown}


def test_what_is_not_finite_counts_as_nothing() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 0.0, 50.0, 100.0]], dtype=np.float32)
    assert list(stretch(values)[0, :4]) == [0, 0, 0, 0]


def test_every_row_is_made_once() -> None:
    values = np.arange(60).reshape(20, 3)
    assert np.array_equal(by_bands(values, lambda part: part * 2), (values * 2).astype(np.uint8))
