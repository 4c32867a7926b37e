"""What a text affirms, denies or leaves open, which side it names, how sure it is."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from retrieval.terms.measures import Measure, measures
from retrieval.terms.spans import sentences
from retrieval.terms.tables import word_set
from retrieval.terms.words import tokens

Polarity = Literal["affirmed", "denied", "uncertain"]
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


@dataclass(frozen=True, slots=True)
class Cue:
    """A word that denies or leaves open, with the part of its sentence it governs: [start, end)."""

    kind: Literal["denied", "uncertain"]
    at: int
    at_end: int
    start: int
    end: int


_SEEN = (
    r"(?:(?:well|clearly|definitely|otherwise|readily)\s+)?(?:seen|identified|evident|visuali[sz]ed|noted|present|"
    r"detected|demonstrated|found|appreciated|observed|apparent|shown|documented|visible|reported|elicited|palpable)"
)
_BE = r"(?:is|are|was|were|be|been|being|'s)"
_TRIGGERS: Sequence[tuple[str, str]] = (
    (
        "pseudo",
        r"no (?:significant |interval |appreciable |further |definite )?(?:change|increase|progression)s?\b|not only\b|"
        r"no (?:longer )?(?:doubt|wonder)\b|not necessarily\b|without (?:doubt|difficulty|delay)\b|not just\b|"
        r"not (?:all|every|always)\b|no (?:more|less|fewer|later|earlier) than\b|not to mention\b|gram[- ]negatives?\b|"
        r"(?:false|true)[- ]negatives?\b|no\. ?\d+",
    ),
    (
        "post_uncertain",
        r"(?:can ?not|can't|could not) be (?:entirely |completely |definitively )?(?:excluded|ruled out)\b|"
        r"(?:is|are|was|were|has|have) not (?:been )?(?:excluded|ruled out)\b|"
        rf"{_BE} (?:also )?(?:possible|suspected|uncertain|questionable|presumed|questioned|equivocal|indeterminate)\b",
    ),
    (
        "pre_uncertain",
        r"(?:can ?not|can't|could not) (?:entirely |completely )?(?:exclude|rule out)\b|"
        r"(?:may|might|could|can)(?! ?not)\b|possibl[ey]\b|possibility of\b|suspected\b|suspicious for\b|"
        r"suspicion (?:of|for)\b|suggest(?:s|ed|ing|ive)?(?: of)?\b|questionable\b|question of\b|presumed\b|presumably\b|"
        r"concern(?:ing)? for\b|(?:to |for )?rul(?:e|ing) out\b|evaluat(?:e|ion) for\b|equivocal\b|perhaps\b|likely\b|"
        r"probabl[ey]\b|consider(?:ed)?\b|thought to\b|believed to\b|indeterminate\b|apparently\b",
    ),
    (
        "post_denied",
        rf"(?:{_BE}|has been|have been) (?:not|never) {_SEEN}\b|not {_SEEN}\b|never {_SEEN}\b|"
        rf"(?:{_BE} )?(?:absent|lacking|excluded|ruled out|unlikely)\b|"
        rf"(?:{_BE}|has|have|had)? ?(?:since |now |completely )?resolved\b|"
        rf"(?:could|can) ?not be {_SEEN}\b|cannot be {_SEEN}\b|(?:{_BE} )?no longer {_SEEN}\b",
    ),
    (
        "pre_denied",
        r"no (?:definite |convincing |other |further |clear |radiographic |imaging |current |obvious )*"
        r"(?:evidence|sign|signs|suggestion|indication|findings?|history|report|suspicion)(?: of| for| to suggest| suggesting)?\b|"
        r"negative for\b|free (?:of|from)\b|absence of\b|absent\b|lack(?:s|ed|ing)?(?: of)?\b|devoid of\b|"
        r"den(?:y|ies|ied|ying)(?: any)?\b|without(?: any| evidence of)?\b|fail(?:s|ed|ure)? to\b|unlikely(?: to)?\b|"
        r"unable to\b|rather than\b|instead of\b|neither\b|nor\b|none(?: of)?\b|never\b|"
        r"(?:does|do|did|is|are|was|were|has|have|had|could|would|should|can|will|must|need)n't\b|cannot\b|can not\b|"
        r"not (?:have |show |demonstrate |reveal |exhibit |display |been |be |a |an |the )?|no\b|non(?:-(?=[a-z])|(?=[a-z]{4}))",
    ),
    (
        "stop",
        r"but\b|however\b|although\b|though\b|except(?: for)?\b|apart from\b|aside from\b|other than\b|whereas\b|while\b|"
        r"yet\b|which\b|who\b|whose\b|because\b|since\b|due to\b|secondary to\b|so that\b|therefore\b|thus\b|until\b|"
        r"despite\b|when\b|if\b|in contrast\b|unlike\b|suggesting\b|"
        r"(?:and|or),? (?:the|there|it|they|this|these|is|are|was|were|has|have|had|he|she|his|her|its|their|then|show\w*|"
        r"demonstrat\w*|reveal\w*|with|may|can|usually|often|a|an)\b|"
        r",\s*(?:and\s+)?(?:with|the|there|it|they|this|these|is|are|was|were|a|an|consistent|compatible)\b|[;:]|\s[–—-]\s",
    ),
)
_CUE = re.compile("|".join(rf"(?P<{name}>{pattern})" for name, pattern in _TRIGGERS), re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|'s\b|[;:,]|\s[–—-]\s")
# The words a trigger can begin with, and the beginnings of such words: only there the whole pattern is tried.
_FIRST = word_set(
    """no not without gram false true can could cannot can't is are was were has have had be been being 's possible
    possibly possibility question to for concern perhaps likely thought believed may might apparently equivocal never absent
    absence absences excluded ruled since now completely resolved negative free lack lacks lacked lacking devoid deny denies
    denied denying fail fails failed failure unlikely unable rather instead neither nor none does do did would should will
    must need non but however although though except apart aside other whereas while yet which who whose because due
    secondary so therefore thus until despite when if in unlike and or , ; :"""
)
_BEGINNINGS = word_set("non susp sugg pres ques conc ruli rule eval prob cons inde")
_FIRST_WORD = re.compile(r"\w+")


@lru_cache(maxsize=4096)
def cues(sentence: str) -> tuple[Cue, ...]:
    """The denying and doubting words of one sentence, each with its scope.

    After Chapman's NegEx (J Biomed Inform 2001;34:301-10): a trigger before its finding governs what follows up to
    a terminator ("but", "however", ";", a new clause); a trigger after it governs what stands before, back to a
    terminator. Pseudo-triggers ("no change", "not only") govern nothing; "cannot exclude" leaves open.
    """
    marks = _marks(sentence)
    stops = [(start, end) for kind, start, end in marks if kind == "stop"]
    found = []
    for kind, start, end in marks:
        if kind in {"pseudo", "stop"}:
            continue
        polarity: Literal["denied", "uncertain"] = "denied" if kind.endswith("denied") else "uncertain"
        if kind.startswith("pre"):
            until = next((stop for stop, _ in stops if stop >= end), len(sentence))
            if sentence[start:end].lower().startswith("non") and (word := _FIRST_WORD.match(sentence, end)):
                until = word.end()
            found.append(Cue(polarity, start, end, end, until))
        else:
            since = next((stop for _, stop in reversed(stops) if stop <= start), 0)
            found.append(Cue(polarity, start, end, since, start))
    return tuple(found)


def _marks(sentence: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    done = 0
    for token in _TOKEN.finditer(sentence):
        start = token.start()
        if start < done:
            continue
        word = token.group().lower()
        if word in _FIRST or word[:4] in _BEGINNINGS or word[:3] == "non" or word.endswith(("n't", "n’t")) or word[0].isspace():
            match = _CUE.match(sentence, start)
            if match:
                found.append((match.lastgroup or "", start, match.end()))
                done = match.end()
    return found


_SEPARATOR = re.compile(
    r"[,;:()\[\]\"“”?!]|\.(?!\d)|/(?=\s)|\s[–—-]\s|"
    r"\b(?:and|or|but|however|although|though|with|without|while|whereas|which|who|that|because|due to|secondary to|"
    r"except(?: for)?|versus|vs|as well as|followed by|causing|involving|extending|measuring|containing|suggesting|"
    r"is|are|was|were|be|been|has|have|had|may|might|could|can|does|do|did|will|would|"
    r"shows?|showed|showing|shown|demonstrat(?:es?|ed|ing)|reveal(?:s|ed|ing)?|display(?:s|ed|ing)?|"
    r"present(?:s|ed|ing)?|underwent|den(?:y|ies|ied)|reports?|reported|complain(?:s|ed|ing)?(?: of)?|"
    r"noted|seen|identified|found|evident|visuali[sz]ed|consistent|compatible|represents?|represented|representing)\b",
    re.IGNORECASE,
)
_TRIM = re.compile(
    r"^(?:\s|(?:a|an|the|any|some|its|his|her|their|there|to|of|for|in|on|at|as|also|then|it|he|she|they|this|these|not|no|"
    r"by|from|evidence of|signs? of|history of|significant|definite)\b)+",
    re.IGNORECASE,
)
_LIGHT = word_set(
    """patient pt case image study examination exam evidence sign finding history report view scan year old yo man woman
    male female boy girl day week month hour present noted seen consistent compatible time area region"""
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
        for start, end in _phrases(sentence.text, governed):
            phrase = sentence.text[start:end]
            inside = tuple(
                _shift(measure, sentence.start)
                for measure in quantities
                if start <= measure.start and measure.end <= end
            )
            found.append(
                Assertion(
                    phrase,
                    sentence.start + start,
                    sentence.start + end,
                    _polarity(start, end, governed),
                    laterality(phrase),
                    inside,
                )
            )
    return found


def _phrases(sentence: str, governed: Iterable[Cue]) -> Iterable[tuple[int, int]]:
    cuts = sorted(
        [match.span() for match in _SEPARATOR.finditer(sentence)] + [(cue.at, cue.at_end) for cue in governed]
    )
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


def _polarity(start: int, end: int, governed: Iterable[Cue]) -> Polarity:
    kinds = [cue.kind for cue in governed if cue.start <= start and end <= cue.end + 1]
    if kinds.count("denied") > 1 and kinds.count("denied") % 2 == 0:
        return "uncertain"
    if "denied" in kinds:
        return "uncertain" if "uncertain" in kinds else "denied"
    return "uncertain" if kinds else "affirmed"


def _shift(measure: Measure, by: int) -> Measure:
    return Measure(
        measure.value, measure.high, measure.unit, measure.start + by, measure.end + by,
        measure.comparator, measure.normalised, measure.base,
    )  # fmt: skip


_SIDE = re.compile(
    r"\b(?:(?P<bilateral>bilateral(?:ly)?|both sides|both (?:lungs|kidneys|hips|knees|hemispheres|orbits|breasts|lobes|eyes|"
    r"adrenals?|ovaries|hands|feet|legs|arms)|right and left|left and right)"
    r"|(?P<left>left(?:-sided)?|l\.?(?=\s+(?:lung|kidney|hip|knee|lower|upper|breast|arm|leg|shoulder|eye|ear)\b))"
    r"|(?P<right>right(?:-sided)?|rt\.?|r\.?(?=\s+(?:lung|kidney|hip|knee|lower|upper|breast|arm|leg|shoulder|eye|ear)\b))"
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
        r"may|might|could|can|possibl[ey]|possibility|perhaps|suspected|suggest\w*|suspicious|question\w*|occasional(?:ly)?|"
        r"sometimes|some|consider|equivocal|indeterminate|cannot (?:exclude|be excluded)|variable|variably|potential(?:ly)?",
    ),
    (
        "probable",
        r"probabl[ey]|likely|usual(?:ly)?|typical(?:ly)?|often|frequent(?:ly)?|common(?:ly)?|general(?:ly)?|most(?:ly)?|"
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


def polarity_at(offset: int, sentence: str, starts: Sequence[int] | None = None) -> Polarity:
    """Whether the character at `offset` of a sentence is in the scope of a denying or doubting word."""
    del starts
    return _polarity(offset, offset, cues(sentence))


def span_at(offset: int, starts: Sequence[int]) -> int:
    """The place in ascending `starts` of the span that holds `offset`."""
    return max(0, bisect_right(starts, offset) - 1)
