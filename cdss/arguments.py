"""Numbers of the command line that are stored, or begin a generator: too large a one is wrong use."""

from argparse import ArgumentTypeError

MOST_SEED = 2**31 - 1


def seed_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:12]) > MOST_SEED:
        raise ArgumentTypeError(f"write a number from 0 to {MOST_SEED}")
    return int(text)
