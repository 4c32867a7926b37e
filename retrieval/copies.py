"""Texts that are nearly the same, by the words they have in common."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from retrieval.terms import tokens

# Share of words two texts have in common from which one is taken for a copy of the other.
NEAR_DUPLICATE = 0.8
# Of fewer words ("Chest radiograph.") two texts may have all in common and be of two patients.
FEWEST_WORDS = 8


def words_of(text: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(tokens(text))


def nearly_the_same(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether one is taken for a copy of the other."""
    if min(len(mine), len(theirs)) < FEWEST_WORDS:
        return False
    return len(mine & theirs) > NEAR_DUPLICATE * max(len(mine | theirs), 1)


def copies(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Every pair of rows that are nearly the same, the smaller first.

    Two texts that share so many words share one of their rarest; only those are compared.
    """
    words = [words_of(text) for text in texts]
    common = Counter(word for own in words for word in own)
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(words):
        rarest = sorted(own, key=lambda word: (common[word], word))[: len(own) - int(NEAR_DUPLICATE * len(own)) + 1]
        others = {other for word in rarest for other in seen[word]}
        yield from ((other, row) for other in sorted(others) if nearly_the_same(words[other], own))
        for word in rarest:
            seen[word].append(row)
