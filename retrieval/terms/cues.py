"""Words that deny or leave open, and what they govern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from retrieval.terms.tables import word_set

Polarity = Literal["affirmed", "denied", "uncertain"]


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
        r"not (?:all|every|always)\b|(?:no|not) (?:more|less|[a-z]+er) than\b|not to mention\b|gram[- ]negatives?\b|"
        r"(?:false|true)[- ]negatives?\b|no\. ?\d+",
    ),
    (
        "post_uncertain",
        r"(?:can ?not|can't|could not) (?:entirely |completely |definitively )?be (?:entirely |completely |"
        r"definitively )?(?:excluded|ruled out)\b|"
        r"(?:is|are|was|were|has|have) not (?:been )?(?:excluded|ruled out)\b|"
        rf"{_BE} (?:also )?(?:possible|suspected|uncertain|questionable|presumed|questioned|equivocal|indeterminate)\b",
    ),
    (
        "pre_uncertain",
        r"(?:can ?not|can't|could not) (?:entirely |completely )?(?:exclude|rule out)\b|"
        r"(?:may|might|could|can)(?! ?not)\b|possibl[ey]\b|possibility of\b|suspected\b|suspicious for\b|"
        r"suspicion (?:of|for)\b|suggest(?:s|ed|ing|ive)?(?! against)(?: of)?\b|questionable\b|question of\b|"
        r"presumed\b|"
        r"presumably\b|"
        r"concern(?:ing)? for\b|(?:to |for )?rul(?:e|ing) out\b|evaluat(?:e|ion) for\b|equivocal\b|perhaps\b|likely\b|"
        r"probabl[ey]\b|consider(?:ed)?\b|thought to\b|believed to\b|indeterminate\b|apparently\b",
    ),
    (
        "post_denied",
        rf"(?:{_BE}|has been|have been) (?:not|never) {_SEEN}\b|not {_SEEN}\b|never {_SEEN}\b|"
        rf"(?:{_BE} )?(?:absent|lacking|excluded|ruled out|unlikely)\b|"
        rf"(?:{_BE}|has|have|had)? ?(?:since |now |completely )?resolved\b|"
        r"(?:is|are) (?:recommended|suggested|advised) against\b|"
        rf"(?:could|can) ?not be {_SEEN}\b|cannot be {_SEEN}\b|(?:{_BE} )?no longer {_SEEN}\b",
    ),
    (
        "pre_denied",
        r"no (?:definite |convincing |other |further |clear |radiographic |imaging |current |obvious )*"
        r"(?:evidence|sign|signs|suggestion|indication|findings?|history|report|suspicion)(?: of| for| to suggest|"
        r" suggesting)?\b|"
        r"(?:recommends?|suggests?|advises?|advised|recommendation) against\b|"
        r"negative for\b|free (?:of|from)\b|clear of\b|absence of\b|absent\b|lack(?:s|ed|ing)?(?: of)?\b|devoid of\b|"
        r"den(?:y|ies|ied|ying)(?: any)?\b|without(?: any| evidence of)?\b|fail(?:s|ed|ure)? to\b|unlikely(?: to)?\b|"
        r"unable to\b|rather than\b|instead of\b|neither\b|nor\b|none(?: of)?\b|never\b|"
        r"(?:does|do|did|is|are|was|were|has|have|had|could|would|should|can|will|must|need)n't\b|cannot\b|can not\b|"
        r"not (?:have |show |demonstrate |reveal |exhibit |display |been |be |a |an |the )?|no\b|non(?:-(?=[a-z])|"
        r"(?=[a-z]{4}))",
    ),
    (
        "stop",
        r"but\b|however\b|although\b|though\b|except(?: for)?\b|apart from\b|aside from\b|other than\b|whereas\b|"
        r"while\b|"
        r"yet\b|which\b|who\b|whose\b|because\b|since\b|due to\b|secondary to\b|so that\b|therefore\b|thus\b|until\b|"
        r"despite\b|when\b|if\b|in contrast\b|unlike\b|suggesting\b|"
        r"(?:and|or),? (?:the|there|it|they|this|these|is|are|was|were|has|have|had|he|she|his|her|its|their|then|"
        r"show\w*|"
        r"demonstrat\w*|reveal\w*|with|may|can|usually|often|a|an)\b|"
        r",\s*(?:and\s+)?(?:with|the|there|it|they|this|these|is|are|was|were|a|an|consistent|compatible)\b|[;:]|"
        r"\s[–—-]\s",
    ),
)
_CUE = re.compile("|".join(rf"(?P<{name}>{pattern})" for name, pattern in _TRIGGERS), re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|'s\b|[;:,]|\s[–—-]\s")
# The words a trigger can begin with, and the beginnings of such words: only there the whole pattern is tried.
_FIRST = word_set(
    """no not without gram false true can could cannot can't is are was were has have had be been being 's possible
    possibly possibility question to for concern perhaps likely thought believed may might apparently equivocal never
    absent
    absence absences excluded ruled since now completely resolved negative free clear lack lacks lacked lacking devoid
    deny
    denies
    denied denying fail fails failed failure unlikely unable rather instead neither nor none does do did would should
    will
    must need recommends suggests advises advised recommendation non but however although though except apart aside
    other whereas while yet which who whose because due
    secondary so therefore thus until despite when if in unlike and or , ; :"""
)
_BEGINNINGS = word_set("non susp sugg pres ques conc ruli rule eval prob cons inde")
_FIRST_WORD = re.compile(r"\w+")
# A vein that cannot be flattened by compression, widened and filled, is wide: what cannot be is told by then.
_CANNOT_BE = re.compile(r"can ?not be \w+ (?:by|with|on|in|from|under|during) [^,;]*(?=,)", re.IGNORECASE)


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
            if whole := _CANNOT_BE.match(sentence, start):
                until = min(until, whole.end())
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
        if (
            word in _FIRST
            or word[:4] in _BEGINNINGS
            or word[:3] == "non"
            or word.endswith(("n't", "n’t"))
            or word[0].isspace()
        ):
            match = _CUE.match(sentence, start)
            if match:
                found.append((match.lastgroup or "", start, match.end()))
                done = match.end()
    return found
