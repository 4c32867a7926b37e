"""The two sides of a comparison, and cause and effect, must not change places."""

import re
from functools import lru_cache

from cdss.reasoning.gate.reading import Reading

_GROUND = re.compile(
    r"\b(?:than(?: that of| those of| in| with| for)?|(?:as )?compared (?:with|to)|in comparison (?:with|to)|"
    r"relative to|"
    r"superior to|inferior to|preferable to|versus|vs\.?)\s+((?:(?!(?:in|for|with|at|on|is|are|was|were|and|but|"
    r"or|by|to|of)\b)"
    r"[\w-]+\s*){1,4})",
    re.IGNORECASE,
)


def comparison(claim: Reading, source: Reading) -> list[str]:
    """The two sides of a comparison exchanged."""
    mine, theirs = _grounds(claim), _grounds(source)
    if not mine or not theirs:
        return []
    own, known = mine - theirs, theirs - mine
    spoken = {word.key for word in claim.words}
    return ["order"] if own and known and known <= spoken and own <= source.keys else []


@lru_cache(maxsize=8192)
def _grounds(reading: Reading) -> frozenset[str]:
    """What is compared with: the words after "than", "compared with", "superior to"."""
    match = _GROUND.search(reading.text)
    if not match:
        return frozenset()
    return frozenset(word.key for word in reading.words if match.start(1) <= word.start < match.end(1))


_RELATIONS = (
    (
        re.compile(r"\b(?:caused by|due to|secondary to|as a result of|because of|resulting from|results? from|"
                   r"produced by)\b", re.I),
        re.compile(r"\b(?:causes?|causing|leads? to|leading to|results? in|resulting in|produces?|"
                   r"gives? rise to)\b", re.I),
    ),
    (
        re.compile(r"\b(?:after|preceded by|subsequent to|follows?(?! ?-)|(?:is|are|was|were) following|"
                   r"(?<!the )following(?= (?:the|an?|[a-z]+ion|surgery|treatment|therapy|birth|injury)\b))\b", re.I),
        re.compile(r"\b(?:before|precedes?|prior to|followed by)\b", re.I),
    ),
    (
        re.compile(r"\b(?:displaced|compressed|invaded|surrounded|encased|replaced|supplied) by\b", re.I),
        re.compile(r"\b(?:displac(?:es?|ing)|compress(?:es|ing)?|invad(?:es?|ing)|surrounds?|encases?|replaces?|"
                   r"suppl(?:y|ies))\b", re.I),
    ),
)  # fmt: skip


def direction(claim: Reading, source: Reading) -> list[str]:
    """Cause and effect, before and after, or doer and done-to exchanged."""
    for backward, forward in _RELATIONS:
        mine = _sides(claim, backward, forward)
        theirs = _sides(source, backward, forward) if mine else None
        if not mine or not theirs:
            continue
        crossed = mine[0] & theirs[1] and mine[1] & theirs[0]
        if crossed and not (mine[0] & theirs[0] or mine[1] & theirs[1]):
            return ["order"]
    return []


@lru_cache(maxsize=16384)
def _sides(reading: Reading, backward: re.Pattern[str], forward: re.Pattern[str]) -> tuple[set[str], set[str]] | None:
    turned = backward.search(reading.text)
    match = turned or forward.search(reading.text)
    if not match:
        return None
    left = {word.key for word in [one for one in reading.words if one.end <= match.start()][-4:]}
    right = {word.key for word in [one for one in reading.words if one.start >= match.end()][:4]}
    return (right, left) if turned else (left, right)
