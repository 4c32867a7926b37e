"""Further changes that make a sentence say something else: who, where, when, by what, compared with what."""

import re
from collections.abc import Mapping, Sequence

from cdss.reasoning.perturb.picking import by_pattern, chosen, first_of
from cdss.reasoning.perturb.swaps import ADVICE, BODY_PARTS, COMPARISONS, MODALITIES, POPULATIONS, SUPERLATIVES, TIMES

_CAUSED = re.compile(
    r"(?P<what>[A-Z][^.;:,()]{4,60}?) (?P<verb>(?:is|are|was|were) (?:most often |usually |often |commonly )?caused by|"
    r"(?:is|are) due to|results? from|causes?|leads? to|(?:is|are) followed by|(?:is|are) preceded by|"
    r"(?:is|are) secondary to) (?P<who>[a-z][^.;:,()]{4,60})\."
)
_PREDICATE = re.compile(
    r"(?P<subject>[A-Z][\w' -]{4,60}?) (?P<verb>(?:is|are|shows?|demonstrates?|causes?|occurs?|arises?|has|have|"
    r"presents?|appears?|requires?|contains?|involves?) )(?P<rest>[^;]{12,160})\."
)
_VAGUE = re.compile(
    r"(?:the|this|these|those|it|they|such|both|most|some|many|other|there|he|she|his|her|their|its|all|patients?|"
    r"treatment|diagnosis|prognosis|symptoms|imaging|findings|management|in|on|at|for|with|although|however)\b",
    re.IGNORECASE,
)


def _one_way(text: str, words: Mapping[str, str]) -> str | None:
    """One word exchanged, where its counterpart does not stand in the sentence as well."""
    usable = {old: new for old, new in words.items() if not re.search(rf"\b{re.escape(new)}\b", text)}
    return first_of(text, usable) if usable else None


def comparison(text: str) -> str | None:
    return _one_way(text, COMPARISONS)


def population(text: str) -> str | None:
    return _one_way(text, POPULATIONS)


def time(text: str) -> str | None:
    return _one_way(text, TIMES)


def modality(text: str) -> str | None:
    # "MR" and "MRI" are one.
    usable = {old: new for old, new in MODALITIES.items() if not (new == "MRI" and re.search(r"\bMR", text))}
    return _one_way(text, usable)


def body_part(text: str) -> str | None:
    return _one_way(text, BODY_PARTS)


def advice(text: str) -> str | None:
    return by_pattern(text, ADVICE)


def superlative(text: str) -> str | None:
    return by_pattern(text, SUPERLATIVES)


def cause(text: str) -> str | None:
    """Cause and effect, or what came first and what followed, exchanged."""
    match = _CAUSED.fullmatch(text)
    if not match or re.match(r"(?:this|these|it|they|both|the|either|a number)\b", match["what"], re.IGNORECASE):
        return None
    what, who = match["what"], match["who"]
    return f"{who[0].upper()}{who[1:]} {match['verb']} {what[0].lower()}{what[1:]}."


def recombined(text: str, passage: Sequence[str]) -> str | None:
    """The subject of this sentence with what another sentence of the passage says of something else."""
    mine = _PREDICATE.fullmatch(text)
    if not mine or _VAGUE.match(mine["subject"]):
        return None
    fitting = []
    for other in passage:
        theirs = _PREDICATE.fullmatch(other)
        if not theirs or other == text or _VAGUE.match(theirs["subject"]):
            continue
        if not _content(mine["subject"]) & _content(theirs["subject"]):
            fitting.append(f"{mine['subject']} {theirs['verb']}{theirs['rest']}.")
    return chosen(fitting, text)


def _content(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())}
