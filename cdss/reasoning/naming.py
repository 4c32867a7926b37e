"""When two names are names of one disease, and when a text names one."""

from collections.abc import Iterable
from functools import lru_cache

from cdss.reasoning.concepts import concept_of
from retrieval.terms import normalise_name, tokens

# They make a name longer without saying which disease it is.
GENERIC = frozenset(
    "disease syndrome disorder acute chronic type grade stage primary secondary left right of the a an in with and or "  # noqa: SIM905
    "to due from by for on at".split()
)
LONG_WORD = 8
SHORT_NAME = 4
MANY_WORDS = 3
MOST = 0.8


@lru_cache(maxsize=200_000)
def same_disease(name: str, gold: str) -> bool:
    """By concept (spelling, word order and synonyms folded), or when one name holds the other: all of two or more
    words, the one long word of a short name, or at least four fifths of three or more words."""
    one, other = concept_of(name), concept_of(gold)
    if one and other and one.key == other.key:
        return True
    return _alike(_words(name), _words(gold))


def same_as_any(name: str, golds: Iterable[str]) -> bool:
    return any(same_disease(name, gold) for gold in golds)


def names_in_text(names: Iterable[str], text: str) -> bool:
    """Whether one of the names stands in the text, spelling aside."""
    said = f" {' '.join(tokens(text))} "
    phrases = (" ".join(tokens(normalise_name(name))) for name in names)
    return any(phrase and f" {phrase} " in said for phrase in phrases)


@lru_cache(maxsize=50_000)
def _words(name: str) -> frozenset[str]:
    words = frozenset(normalise_name(name).split())
    return words - GENERIC or words


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    smaller = min(one, other, key=len)
    shared = len(one & other)
    if not smaller or shared < len(smaller):
        return len(smaller) >= MANY_WORDS and shared >= MOST * len(smaller)
    if len(smaller) > 1 or one == other:
        return True
    return len(next(iter(smaller))) >= LONG_WORD and len(one | other) <= SHORT_NAME
