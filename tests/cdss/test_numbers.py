from argparse import ArgumentTypeError

import pytest

from cdss.numbers import LARGEST_KEY, is_whole, number_argument, whole_number


@pytest.mark.parametrize("text", ["", " 1", "-1", "+1", "1.0", "1_0", "²", "٣", "x", "9" * 41, "9" * 5000])
def test_what_is_no_number_is_none(text: str) -> None:
    assert whole_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), (str(LARGEST_KEY), LARGEST_KEY), (str(LARGEST_KEY + 1), None), ("0" * 40, 0)],
)
def test_a_number_is_read_whole_or_not_at_all(text: str, number: int | None) -> None:
    assert whole_number(text) == number


def test_both_bounds_belong_to_it() -> None:
    assert [whole_number(text, least=1, most=3) for text in "01234"] == [None, 1, 2, 3, None]


def test_zeros_in_front_do_not_carry_an_argument_past_its_bound() -> None:
    read = number_argument(0, 2**31 - 1)
    assert read("0000000000002147483647") == 2**31 - 1
    for text in ("000000000000" + "9" * 12, "2147483648", "²", ""):
        with pytest.raises(ArgumentTypeError, match="from 0 to 2147483647"):
            read(text)


def test_true_is_no_number() -> None:
    assert [value for value in (0, 5, True, False, 1.0, "1", None) if is_whole(value)] == [0, 5]
