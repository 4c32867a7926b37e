"""Whole numbers that somebody wrote: what is none, or too large to keep, is None before anything is counted with it."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeGuard

# The largest key a table has.
LARGEST_KEY = 2**63 - 1
# No number of more digits is read; the largest of use are identifiers of 128 bits.
_MOST_DIGITS = 40


def whole_number(text: str, *, least: int = 0, most: int = LARGEST_KEY) -> int | None:
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if least <= number <= most else None


def is_whole(value: object) -> TypeGuard[int]:
    """Of what JSON holds: true and false are no numbers."""
    return isinstance(value, int) and not isinstance(value, bool)


def number_argument(least: int, most: int) -> Callable[[str], int]:
    """The type of a command's argument."""

    def read(text: str) -> int:
        number = whole_number(text, least=least, most=most)
        if number is None:
            raise ArgumentTypeError(f"write a number from {least} to {most}")
        return number

    return read


# Stored, or what a generator begins with.
seed_number = number_argument(0, 2**31 - 1)
