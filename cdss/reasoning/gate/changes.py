"""What the changes between a claim and its source mean: denied, turned round, made stronger, another number."""

import re

from cdss.reasoning.gate.alignment import Change, Diff, Token
from cdss.reasoning.gate.matching import siblings
from cdss.reasoning.gate.order import coordinated, leapt, listed, overtakes, substituted
from cdss.reasoning.gate.vocabulary import FREQUENCY, OPPOSITE
from retrieval.terms.tables import word_set

_BESIDE = 4
_SIDES = frozenset(("left", "right", "bilater", "unilater"))
_FRAMES = word_set(
    """suggest suggests suggested suggesting thought believed suspected insufficient whether unclear hypothesis
    hypothesized
    inconclusive controversial debated presumed"""
)


def flaws_of(diff: Diff) -> tuple[list[str], list[str]]:
    """Grave and mild flaws among the changes."""
    put_in = [(token, change) for change in diff.changes for token in change.new]
    taken = [(token, change) for change in diff.changes for token in change.old]
    grave = [*_denials(diff, put_in, taken), *_numbers(diff, put_in, taken), *_turned(diff, put_in, taken)]
    grave += leapt(diff)
    return list(dict.fromkeys(grave)), list(dict.fromkeys([*_strengths(diff), *substituted(diff)]))


# What stands before these is what they deny.
_AFTERWARDS = word_set("unlikely absent excluded lacking negative")
Placed = list[tuple[Token, Change]]


def _denials(diff: Diff, put_in: Placed, taken: Placed) -> list[str]:
    """A denial put in that none beside it makes up for, or one taken out while what it denies stays."""
    spare = [change.old_at + change.old.index(token) for token, change in taken if token.kind == "denial"]
    kept = sum(
        1 for token, change in taken if token.kind == "denial" and _governs_kept(diff, change, change.old.index(token))
    )
    made_up = 0
    for token, change in put_in:
        if token.kind != "denial":
            continue
        near = next((place for place in spare if abs(place - change.old_at) <= _BESIDE), None)
        if near is None:
            return ["negation"]
        spare.remove(near)
        made_up += 1
    return ["negation"] if kept > made_up else []


def _governs_kept(diff: Diff, change: Change, within: int) -> bool:
    """Whether what a taken-out token governs is still in the claim.

    That is the phrase after it, up to the next small word, and for a "not" the word before it as well.
    """
    at = change.old_at + within
    token = diff.source[at]
    after = range(at + 1, len(diff.source))
    if token.surface in _FRAMES:
        framed = [place for place in after if place in diff.kept]
        return any(diff.source[place].kind == "word" for place in framed) and not any(
            diff.source[place].kind == "strength" for place in framed
        )
    if token.surface in _AFTERWARDS and at - 1 in diff.kept and diff.source[at - 1].kind != "join":
        return True
    if after and diff.source[at + 1].surface in {",", "("}:
        after = after[1:]
    governed: list[int] = []
    for place in after:
        one = diff.source[place]
        if one.kind == "strength":
            continue
        if one.kind == "join" or (governed and (one.apart or one.kind != "word")):
            break
        governed.append(place)
    if not governed or token.surface in {"not", "never"}:
        before = at - 1 if at and diff.source[at - 1].kind != "join" else -1
        if before in diff.kept and not _runs_on(change, within):
            return True
    return any(place in diff.kept for place in governed)


def _runs_on(change: Change, within: int) -> bool:
    """Whether what was taken out goes on past the token: a clause of its own, dropped whole."""
    return any(token.kind in {"word", "number"} for token in change.old[within + 1 :])


def _numbers(diff: Diff, put_in: Placed, taken: Placed) -> list[str]:
    gone = [token for token, _ in taken if token.kind == "number"]
    left = {token.norm for token in gone}
    for token, change in put_in:
        if token.kind != "number":
            continue
        base = token.norm.rpartition(":")[2]
        if token.norm not in left:
            other_unit = {
                _raw(one) for one in gone if one.norm.rpartition(":")[2] != base or _sized(one) != _sized(token)
            }
            return ["unit" if base and _raw(token) in other_unit else "number"]
        others = {one.norm for one in diff.source if one.kind == "number" and one.norm.rpartition(":")[2] == base}
        if any(one.kind == "number" for one in change.old) or overtakes(diff, token.norm, others - {token.norm}):
            return ["number"]
    return []


def _sized(token: Token) -> str:
    """The unit as written: "2.5 cm" -> "cm"."""
    return "".join(re.findall(r"[a-z%/]+\Z", token.surface.lower()))


def _raw(token: Token) -> str:
    return "".join(re.findall(r"[\d.]+", token.surface))


def _turned(diff: Diff, put_in: Placed, taken: Placed) -> list[str]:
    flaws = []
    gone = {token.norm for token, _ in taken if token.kind == "word"}
    for token, change in put_in:
        if token.kind != "word":
            continue
        reason = "laterality" if token.norm in _SIDES else f"antonym:{token.surface}"
        against = OPPOSITE.get(token.norm) or siblings(token.norm, {one.norm for one in diff.source})
        if any(old.norm in against for old in change.old) and not listed(diff, token.norm, against):
            turned = True
        elif token.norm in gone:
            turned = overtakes(diff, token.norm, against)
        else:
            turned = any(not coordinated(diff, token.norm, rival) for rival in against & gone)
        if turned:
            flaws.append(reason)
    return flaws


def _strengths(diff: Diff) -> list[str]:
    flaws = []
    percent = any(token.norm.endswith(":%") for token in diff.claim)
    spare = [token.strength for change in diff.changes for token in change.new if token.kind == "strength"]
    for change in diff.changes:
        old = [token for token in change.old if token.kind == "strength"]
        new = [token for token in change.new if token.kind == "strength"]
        if old and new:
            known, claimed = min(old, key=_by_strength), min(new, key=_by_strength)
            if claimed.strength > known.strength or claimed.strength <= 1.0 < known.strength:
                flaws.append(_named(claimed, known))
        elif new:
            if any(token.strength == 5.0 or token.strength <= 1.0 for token in new):
                flaws.append("quantifier")
        else:
            for token in old:
                if token.strength >= 4.0 or token.strength in spare or (percent and token.surface in FREQUENCY):
                    continue
                if _governs_kept(diff, change, change.old.index(token)):
                    flaws.append("quantifier" if token.surface in FREQUENCY else "certainty")
        if any(token.norm == "~superlative" for token in change.new) and not any(
            token.norm == "~superlative" for other in diff.changes for token in other.old
        ):
            flaws.append("quantifier")
    return flaws


def _by_strength(token: Token) -> float:
    return token.strength


def _named(claimed: Token, known: Token) -> str:
    return "quantifier" if claimed.surface in FREQUENCY or known.surface in FREQUENCY else "certainty"
