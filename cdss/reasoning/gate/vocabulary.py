"""Words the gate compares by: what means the same, what means the opposite, what says nothing by itself.

The words are in `words/*.txt`, one group to a line.
"""

from pathlib import Path

from retrieval.terms import stem, tokens
from retrieval.terms.tables import word_set

_FOLDER = Path(__file__).parent / "words"


def _lines(name: str) -> list[str]:
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


# How much a word lets a statement claim: 5 every time, 4 said outright, 3 mostly, 2 at times, 1 rarely.
OUTRIGHT, ALWAYS, OFTEN, RARELY = 4.0, 5.0, 2.7, 1.0
_LEVELS: dict[float, str] = {
    ALWAYS: """all always every each invariably universally entirely exclusively inevitably definitely certainly must
    definitive
        pathognomonic""",
    3.0: """most usually usual typically typical generally mostly majority probably probable likely mainly predominantly
        characteristically classically classic largely primarily presumably presumed thought believed""",
    OFTEN: "often commonly frequently common commonest frequent many tend tends tended appear appears seem seems",
    2.0: """minority may might can could possibly possible possibility perhaps sometimes occasionally occasional some
    several suggest
        suggests suggested suggesting suggestive suspected suspicious potentially potential variable variably
        questionable
        equivocal indeterminate consider considered insufficient whether unclear hypothesis hypothesized inconclusive
        controversial debated""",
    RARELY: "rare rarely uncommon uncommonly unusual unusually seldom infrequent infrequently few",
}
STRENGTH: dict[str, float] = {word: level for level, words in _LEVELS.items() for word in words.split()}
FREQUENCY = word_set(
    """all always every each invariably universally entirely exclusively inevitably most usually usual typically
    generally
    mostly majority mainly predominantly often commonly frequently common commonest frequent many sometimes occasionally
    occasional
    some several minority rare rarely uncommon uncommonly unusual unusually seldom infrequent infrequently few"""
)

# "commonly" says how often, "common" says what is said: only the first is light.
_HOW_OFTEN = word_set("commonly frequently uncommonly infrequently rarely unusually")
_LIGHT_WORDS = word_set(" ".join(_lines("light")))
LIGHT = frozenset(stem(word) for word in _LIGHT_WORDS - _HOW_OFTEN) | _LIGHT_WORDS


def _canonical() -> dict[str, str]:
    """Each word's stem to the stem that names its group. A word belongs to the first group it stands in."""
    found: dict[str, str] = {}
    for group in _lines("synonyms"):
        words = [stem(word) for word in group.split()]
        name = found.get(words[0], words[0])
        for word in words:
            found.setdefault(word, name)
    return found


_CANONICAL = _canonical()


def canonical(word: str) -> str:
    """The key under which a lower-case word is compared."""
    base = stem(word)
    return _CANONICAL.get(base, base)


def _keys(words: str) -> frozenset[str]:
    return frozenset(canonical(word) for word in words.split())


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _lines("opposites"):
        one, _, other = line.partition("|")
        for first, second in ((_keys(one), _keys(other)), (_keys(other), _keys(one))):
            for word in first:
                found[word] = found.get(word, frozenset()) | (second - first)
    return found


OPPOSITE = _opposites()
SPECIAL = {canonical(name): _keys(rest) for line in _lines("general") for name, _, rest in [line.partition(":")]}
PHRASES = {
    phrase.strip(): name
    for line in _lines("phrases")
    for name, _, rest in [line.partition(":")]
    for phrase in rest.split(",")
}


def known_stems() -> frozenset[str]:
    """Of every word that stands in one of the tables."""
    return frozenset(
        stem(word)
        for name in ("synonyms", "opposites", "phrases", "general")
        for line in _lines(name)
        for word in tokens(line)
    )
