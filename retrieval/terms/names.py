"""Names of diagnoses, brought to one spelling."""

import re

from retrieval.terms.tables import ABBREVIATIONS, word_set
from retrieval.terms.words import fold, plain, singular

_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_POSSESSIVE = re.compile(r"(?<=\w)'s\b|(?<=s)'(?=\s|$)")
_WORD = re.compile(r"[a-z0-9]+(?:[./][a-z0-9]+)*")
_QUALIFIERS = word_set(
    """left right bilateral unilateral midline probable probably possible possibly suspected presumed likely typical
    classic classical atypical proven confirmed definite known mild moderate severe small large tiny
    incidental status post history of the a an with vs versus consistent compatible suggestive case rule out
    ro s/p nos unspecified x-ray ct mri imaging findings finding diagnosis dx"""
)
_SIDED = frozenset(("left", "right"))
# A side is part of these names, not a place.
_SIDE_KEPT = ("heart", "ventric", "atri", "sided heart", "bundle", "aortic", "anterior descending")


def normalise_name(name: str) -> str:
    """A diagnosis name without what does not name it: "Left Renal Cell Carcinomas (RCC)" -> "renal cell carcinoma".

    Lower case, American spelling, singular words, no possessive, no parentheses (unless nothing else is left), no
    side and no qualifier words ("probable", "atypical", "s/p"); a lone abbreviation becomes its usual long form.
    """
    text = plain(name)
    text = _POSSESSIVE.sub("", text)
    outside = _PARENTHESES.sub(" ", text)
    words = _words(outside) or _words(re.sub(r"[()\[\]]", " ", text))
    if len(words) == 1 and words[0] in ABBREVIATIONS:
        words = _words(ABBREVIATIONS[words[0]][0])
    return " ".join(words)


def _words(text: str) -> list[str]:
    found: list[str] = _WORD.findall(text.replace("-", " "))
    kept = [
        word
        for place, word in enumerate(found)
        if word not in _QUALIFIERS
        or (word in _SIDED and " ".join(found[place + 1 : place + 3]).startswith(_SIDE_KEPT))
        or (word == "of" and 0 < place < len(found) - 1 and found[place - 1] not in _QUALIFIERS)
    ]
    while kept and kept[-1] in {"of", "in", "on"}:
        kept.pop()
    return [singular(fold(word)) for word in kept]
