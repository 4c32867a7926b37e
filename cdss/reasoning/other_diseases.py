"""Whether a sentence is of another disease than the one its text is read for: a text tells look-alikes apart too."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from cdss.reasoning.plain_words import PLAIN_WORDS
from retrieval.terms import tokens

# A disease named within so many words of a sentence's start is taken for its subject.
SUBJECT_WORDS = 4
# Words that name a disease and seldom a finding.
_DISEASE = re.compile(r"(?:oma|itis|carcinoid|metastas[ei]s|metastatic|tuberculosis|pneumonia)$")
_CONTRAST = re.compile(
    r"\b(unlike|in contrast|contrary to|as opposed to|rather than|whereas|while|argues? against|distinguish\w*|"
    r"differentiat\w+|differs?|excludes?|rules? out|mimic\w*|confused with|mistaken for|instead of|"
    r"compared (?:with|to)|than)\b",
    re.IGNORECASE,
)


class OtherDiseases:
    """Those of `names` that are not a part of this name, as "aneurysm" is of "aortic aneurysm"."""

    def __init__(self, name: str, names: Iterable[str]) -> None:
        self.own = _words(name)
        own = set(self.own)
        self._by_first: dict[str, list[Sequence[str]]] = {}
        for words in {_words(other) for other in names}:
            if set(words) - PLAIN_WORDS and not own.issuperset(words):
                self._by_first.setdefault(words[0], []).append(words)

    def has(self, sentence: str) -> bool:
        """As its subject, or as what it contrasts with."""
        words = tokens(sentence)
        if any(_DISEASE.search(word) and word not in self.own for word in words[:SUBJECT_WORDS]):
            return True
        place = next((place for place in range(len(words)) if self._stands_at(place, words)), None)
        if place is None:
            return False
        own = next((place for place in range(len(words)) if _is_at(self.own, place, words)), None)
        is_subject = place < SUBJECT_WORDS and (own is None or own > place)
        return is_subject or bool(_CONTRAST.search(sentence))

    def _stands_at(self, place: int, words: Sequence[str]) -> bool:
        return any(_is_at(name, place, words) for name in self._by_first.get(words[place], ()))


def _is_at(name: Sequence[str], place: int, words: Sequence[str]) -> bool:
    return tuple(words[place : place + len(name)]) == name


# The names of a library are asked for again with every case.
@lru_cache(maxsize=20_000)
def _words(name: str) -> tuple[str, ...]:
    return tuple(tokens(name))
