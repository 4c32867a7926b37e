"""Words of a claim that a source need not have, because of what it does have there."""

import re

from cdss.reasoning.gate.reading import Reading, Word
from cdss.reasoning.gate.vocabulary import canonical
from retrieval.terms.tables import ABBREVIATIONS, word_set


def _keys(words: str) -> frozenset[str]:
    return frozenset(canonical(word) for word in words.split())


_SAID_BY: tuple[tuple[frozenset[str], re.Pattern[str]], ...] = (
    (_keys("cause organism agent reason due"), re.compile(r"\b(?:by|from|due to|after|owing to)\b", re.I)),
    (_keys("come originate arise"), re.compile(r"\b(?:from|of|out of)\b", re.I)),
    (_keys("contain comprise consist"), re.compile(r"\b(?:of|with|holds?|has|have|includ\w+|among)\b", re.I)),
    (_keys("apply meant intended concern mean"), re.compile(r"\b(?:for|apply|applies|addresses|covers)\b", re.I)),
    (_keys("occur happen exist"), re.compile(r"\b(?:in|at|of)\b", re.I)),
    (_keys("need require"), re.compile(r"\b(?:recommended|advised|indicated|should|must)\b", re.I)),
    (_keys("goal aim"), re.compile(r"\baim\w*\b", re.I)),
)
_SIZED = _keys("wide size diameter thick measure long large deep tall across small")
_AGED = _keys("age old older young younger elderly")
_COUNTED = _keys("score count point rate add give total amount number proportion percentage")
_LENGTHS, _TIMES = frozenset(("mm",)), frozenset(("year", "month", "day", "decade"))
_INITIALS = re.compile(r"[^\W\d_]+")
_LETTERS_OF_TWO = 5
_SKIPPED = word_set("of the and in for with to a an")


def eased(claim: Reading, word: Word, source: Reading) -> bool:
    """Whether a word that the source has not is said by its numbers or its small words."""
    known = {quantity.base for quantity in source.quantities}
    bases = {quantity.base for quantity in claim.quantities} & known
    if word.key in _SIZED and bases & _LENGTHS:
        return True
    if word.key in _AGED and claim.quantities and known & _TIMES:
        return True
    if word.key in _COUNTED and source.quantities:
        return True
    return any(word.key in keys and pattern.search(source.text) for keys, pattern in _SAID_BY)


def by_initials(claim: Reading, reading: Reading, carried: frozenset[str]) -> frozenset[str]:
    """Keys of the claim that are a short form of words of the source, or words of which it has the short form."""
    found: set[str] = set()
    source_keys = reading.keys | carried
    for word in claim.words:
        written = claim.text[word.start : word.end].rstrip("s")
        if not written.isupper() or not 2 <= len(written) <= 5:
            continue
        longs = ABBREVIATIONS.get(written.lower(), ())
        if any(
            frozenset(canonical(part) for part in re.split(r"[\s-]+", long)) <= source_keys for long in longs
        ) or _spelled(written, reading.text):
            found.add(word.key)
    for match in _SHORT.finditer(reading.text):
        if run := _run_of(match.group(), claim.text):
            found |= {word.key for word in claim.words if run[0] <= word.start < run[1]}
    return frozenset(found)


_SHORT = re.compile(r"\b[A-Z][A-Z0-9]{2,5}(?=s?\b)")


def _spelled(short: str, text: str) -> bool:
    return _run_of(short, text) is not None


def _run_of(short: str, text: str) -> tuple[int, int] | None:
    """Where words stand that begin with the letters of a short form, small words left out."""
    words = [match for match in _INITIALS.finditer(text) if match.group().lower() not in _SKIPPED]
    letters = short.lower()
    initials = "".join(match.group()[0].lower() for match in words)
    at = initials.find(letters) if letters.isalpha() else -1
    run = words[at : at + len(letters)] if at >= 0 else []
    shortest = _LETTERS_OF_TWO if len(letters) == 2 else 1
    if not run or all(match.group().isupper() for match in run) or any(len(one.group()) < shortest for one in run):
        return None
    return words[at].start(), words[at + len(letters) - 1].end()
