"""What a text affirms, denies or leaves open, which side it names, how sure it is."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from retrieval.terms.cues import Cue, Polarity, cues
from retrieval.terms.measures import Measure, measures
from retrieval.terms.spans import sentences
from retrieval.terms.tables import word_set
from retrieval.terms.words import tokens

Side = Literal["left", "right", "bilateral", "midline"]
Certainty = Literal["definite", "probable", "possible", "rare", "never"]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One finding-like phrase. `text == source[start:end]`; offsets are characters of the text given."""

    text: str
    start: int
    end: int
    polarity: Polarity
    laterality: Side | None
    measures: tuple[Measure, ...]


_SEPARATOR = re.compile(
    r"[,;:()\[\]\"“”?!]|\.(?!\d)|/(?=\s)|\s[–—-]\s|"
    r"\b(?:and|or|but|however|although|though|with|without|while|whereas|which|who|that|because|due to|secondary to|"
    r"except(?: for)?|versus|vs|as well as|followed by|causing|involving|extending|measuring|containing|suggesting|"
    r"is|are|was|were|be|been|has|have|had|may|might|could|can|does|do|did|will|would|"
    r"shows?|showed|showing|shown|demonstrat(?:es?|ed|ing)|reveal(?:s|ed|ing)?|display(?:s|ed|ing)?|"
    r"present(?:s|ed|ing)?|underwent|den(?:y|ies|ied)|reports?|reported|complain(?:s|ed|ing)?(?: of)?|"
    r"noted|seen|identified|found|evident|visuali[sz]ed|consistent|compatible|represents?|represented|representing)\b|"
    # Who was told of it is no part of it.
    r"\b(?:to|at|in|by) (?:(?:his|her|their|the|an?|our|my|local|outside|primary|family|care|general) )*"
    r"(?:physicians?|doctors?|providers?|practitioners?|clinics?|hospitals?|emergency (?:department|room)|"
    r"ED|ER|PCP|GP)\b",
    re.IGNORECASE,
)
_TRIM = re.compile(
    r"^(?:\s|(?:a|an|the|any|some|its|his|her|their|there|to|of|for|in|on|at|as|also|then|it|he|she|they|this|"
    r"these|not|no|"
    r"by|from|evidence of|signs? of|history of|significant|definite)\b)+",
    re.IGNORECASE,
)
_LIGHT = word_set(
    """patient pt case image study examination exam evidence sign finding history report view scan year old yo man woman
    male female boy girl day week month hour present noted seen consistent compatible time area region appear
    appears one none remainder"""
)


def assertions(text: str) -> list[Assertion]:
    """The finding-like phrases of a text, each affirmed, denied or uncertain, with its side and measures.

    A phrase is what stands between separators (punctuation, conjunctions, verbs of being and of showing) inside a
    sentence, without leading articles; a phrase of nothing but general words is left out.
    """
    found: list[Assertion] = []
    for sentence in sentences(text):
        governed = cues(sentence.text)
        quantities = measures(sentence.text)
        starts = [measure.start for measure in quantities]
        for start, end in _phrases(sentence.text, governed, quantities):
            phrase = sentence.text[start:end]
            first = bisect_left(starts, start)
            inside = tuple(
                _shift(measure, sentence.start)
                for measure in quantities[first : bisect_left(starts, end)]
                if measure.end <= end
            )
            found.append(
                Assertion(
                    phrase,
                    sentence.start + start,
                    sentence.start + end,
                    _polarity(sentence.text, start, end, governed),
                    laterality(phrase),
                    inside,
                )
            )
    return found


def _phrases(sentence: str, governed: Iterable[Cue], quantities: Sequence[Measure]) -> Iterable[tuple[int, int]]:
    starts = [one.start for one in quantities]
    separators = []
    for match in _SEPARATOR.finditer(sentence):
        before = bisect_left(starts, match.start()) - 1
        if before < 0 or match.end() > quantities[before].end:
            separators.append(match.span())
    triggers = [(cue.at, cue.at_end) for cue in governed if not sentence[cue.at : cue.at_end].lower().startswith("non")]
    cuts = sorted([*separators, *triggers])
    start = 0
    for cut_start, cut_end in [*cuts, (len(sentence), len(sentence))]:
        if cut_start > start and (phrase := _trimmed(sentence, start, cut_start)):
            yield phrase
        start = max(start, cut_end)


def _trimmed(sentence: str, start: int, end: int) -> tuple[int, int] | None:
    if trim := _TRIM.match(sentence[start:end]):
        start += trim.end()
    while end > start and sentence[end - 1] in " \t\n.,-":
        end -= 1
    words = [word for word in tokens(sentence[start:end]) if word not in _LIGHT]
    return (start, end) if any(any(character.isalpha() for character in word) for word in words) else None


def _polarity(sentence: str, start: int, end: int, governed: Iterable[Cue]) -> Polarity:
    kinds = [cue.kind for cue in _in_force(sentence, start, end, governed)]
    if kinds.count("denied") > 1 and kinds.count("denied") % 2 == 0:
        return "uncertain"
    if "denied" in kinds:
        return "uncertain" if "uncertain" in kinds else "denied"
    return "uncertain" if kinds else "affirmed"


_AGAIN = re.compile(r",|\b(?:and|or|but)\s*\Z", re.IGNORECASE)


def _in_force(sentence: str, start: int, end: int, governed: Iterable[Cue]) -> list[Cue]:
    """The cues that govern a phrase; in "no cough, no fever" and "no cough and no fever" the second takes the place of
    the first.

    In "no opacity to suggest pneumonia" the denial holds for both.
    """
    reach = [cue for cue in governed if cue.start <= start and end <= cue.end + 1]
    if any(cue.kind == "denied" for cue in reach):
        reach = [cue for cue in reach if cue.kind == "denied" or not _is_to_suggest(sentence, cue)]
    before = [cue for cue in reach if cue.at_end <= start]
    if not before:
        return reach
    nearest = max(before, key=lambda cue: cue.at)
    if sentence[nearest.at : nearest.at_end].lower() == "nor":
        return [cue for cue in reach if cue not in before or cue is nearest]
    return [cue for cue in reach if cue not in before or not _AGAIN.search(sentence, cue.at_end, nearest.at)]


def _is_to_suggest(sentence: str, cue: Cue) -> bool:
    return sentence[max(0, cue.at - 3) : cue.at_end].lower().startswith("to suggest")


def _shift(measure: Measure, by: int) -> Measure:
    return replace(measure, start=measure.start + by, end=measure.end + by)


_SIDE = re.compile(
    r"\b(?:(?P<bilateral>bilateral(?:ly)?|both sides|both (?:lungs|kidneys|hips|knees|hemispheres|orbits|breasts|"
    r"lobes|eyes|"
    r"adrenals?|ovaries|hands|feet|legs|arms)|right and left|left and right)"
    r"|(?P<left>left(?:-sided)?|l\.?(?=\s+(?:lung|kidney|hip|knee|lower|upper|breast|arm|leg|shoulder|eye|ear)\b))"
    r"|(?P<right>right(?:-sided)?|rt\.?|r\.?(?=\s+(?:lung|kidney|hip|knee|lower|upper|breast|arm|leg|shoulder|eye|"
    r"ear)\b))"
    r"|(?P<midline>midline))\b",
    re.IGNORECASE,
)


def laterality(text: str) -> Side | None:
    """The side a phrase names: left, right, bilateral (also when it names left and right), midline, or None."""
    sides = {match.lastgroup for match in _SIDE.finditer(text)}
    if "bilateral" in sides or {"left", "right"} <= sides:
        return "bilateral"
    for side in ("left", "right", "midline"):
        if side in sides:
            return side  # type: ignore[return-value]
    return None


_HEDGES: Sequence[tuple[Certainty, str]] = (
    ("never", r"never|under no circumstances|in no case|does not occur"),
    (
        "rare",
        r"rare(?:ly)?|uncommon(?:ly)?|unusual(?:ly)?|infrequent(?:ly)?|seldom|exceptional(?:ly)?|unlikely|hardly ever",
    ),
    (
        "possible",
        r"may|might|could|can|possibl[ey]|possibility|perhaps|suspected|suggest\w*|suspicious|question\w*|"
        r"occasional(?:ly)?|"
        r"sometimes|some|consider|equivocal|indeterminate|cannot (?:exclude|be excluded)|variable|variably|"
        r"potential(?:ly)?",
    ),
    (
        "probable",
        r"probabl[ey]|likely|usual(?:ly)?|typical(?:ly)?|often|frequent(?:ly)?|common(?:ly)?|general(?:ly)?|"
        r"most(?:ly)?|"
        r"presum\w+|appears?|tends?|many|majority|classical(?:ly)?|characteristic(?:ally)?|thought to|believed to",
    ),
)
_HEDGE = re.compile(
    "|".join(rf"(?P<{name}>\b(?:{pattern})\b)" for name, pattern in _HEDGES), re.IGNORECASE
)  # fmt: skip
_WEAKEST: tuple[Certainty, ...] = ("never", "rare", "possible", "probable")


def hedges(text: str) -> Certainty:
    """How sure a text is: the weakest of its hedging words; "definite" when it has none."""
    found = {match.lastgroup for match in _HEDGE.finditer(text)}
    return next((level for level in _WEAKEST if level in found), "definite")
