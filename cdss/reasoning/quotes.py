"""Finding a model's quote in the evidence: the words must stand there; spaces, case and typography may differ."""

import re
from collections.abc import Sequence
from functools import lru_cache

_SAME = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-", "‑": "-"}
)
_NOTHING = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
SHORTEST = 3


def locate(quote: str, text: str) -> tuple[int, int]:
    """Offsets of the quote in `text`, or (0, 0). `text[start:end]` is then the true wording."""
    quote = quote.strip()
    if len(quote) < SHORTEST:
        return 0, 0
    if (start := text.find(quote)) >= 0:
        return start, start + len(quote)
    plain, places = _plain(text)
    wanted = _plain(quote)[0].strip()
    if len(wanted) < SHORTEST or (at := plain.find(wanted)) < 0:
        return 0, 0
    return places[at], places[at + len(wanted) - 1] + 1


@lru_cache(maxsize=256)
def _plain(text: str) -> tuple[str, Sequence[int]]:
    """The text with one space for each gap, plain quotes and dashes, in lower case, and where each character stood."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if _NOTHING.match(character):
            continue
        if character.isspace():
            if characters and characters[-1] != " ":
                characters.append(" ")
                places.append(place)
            continue
        lower = character.translate(_SAME).lower()
        characters.append(lower if len(lower) == 1 else character)
        places.append(place)
    return "".join(characters), places
