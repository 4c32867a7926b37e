"""A side exchanged or a figure changed: one a colleague might have written, and none that nobody would believe."""

import re

from cdss.reasoning.perturb.picking import seed

_SIDE_WORDS = re.compile(r"(?<![\w-])(?:left|right|Left|Right|unilateral|bilateral|Unilateral|Bilateral)(?![\w])")
_OTHER_SIDE = {"left": "right", "right": "left", "unilateral": "bilateral", "bilateral": "unilateral"}
# "is left untreated" and "right away" name no side, and no organ in pairs is "unilateral kidneys".
_NO_SIDE = re.compile(
    r"\b(?:is|are|was|were|be|been|if|when) left\b|\bleft (?:untreated|alone|to|with|over|behind|open)\b"
    r"|\bright (?:away|after|before|now|angles?)\b|\bleft[- ]to[- ]right\b|\bright[- ]to[- ]left\b"
    r"|\bbilateral(?:ly)? (?:kidneys|lungs|breasts|eyes|ears|hips|knees|hands|feet)\b",
    re.IGNORECASE,
)


def side_exchanged(text: str) -> str | None:
    """The side of the only place that is named; of two sides in one sentence, none is exchanged."""
    found = list(_SIDE_WORDS.finditer(text))
    if len({match.group().lower() for match in found}) != 1 or _NO_SIDE.search(text):
        return None

    def other(match: re.Match[str]) -> str:
        new = _OTHER_SIDE[match.group().lower()]
        return new.capitalize() if match.group()[0].isupper() else new

    return _SIDE_WORDS.sub(other, text)


_NUMBER = re.compile(
    r"(?<![\w.,(\[/+×:<>≥≤–-])(?P<value>\d{1,3}(?:\.\d)?)(?![\w\])/×:+–]|[.,]\d|-\d| ?[x×]|\s*±| ?\+)(?!-[A-Z])"
)
_UNIT = r"(?:%| ?per ?cent\b|[ -](?:mm|cm|mg|g|ml|mL|kg|HU|weeks?|months?|days?|hours?|minutes?|years?|decades?)\b)"
_NAMES_A_KIND = re.compile(
    r"\b(?:type|types|grade|stage|level|segments?|class|category|group|phase|figure|table|zone|score|factor|day|week|"
    r"month|chromosome|version|edition|line|vertebra|lobe|ribs?|RADS|part|step|page|no\.|number|saturation)\.? $",
    re.IGNORECASE,
)
_MEASURE = r"%?-?(?:[ -](?:mm|cm|years?|months?|weeks?|days?))? ?"
# Half of a range, a product, a share of a whole or a spread says something together with its other half.
_JOINED_BEFORE = re.compile(rf"\d{_MEASURE}(?:to|and|or|–|-|in|of|out of|from) $|\b(?:between|from) $|[x×±] $|\+/- ?$")
_JOINED_AFTER = re.compile(rf"{_MEASURE}(?:to|and|or|–|-|in|of|out of) ?\d|%? \(\d+ ?/|% ?(?:CIs?|confidence)\b")


def number_changed(text: str) -> str | None:
    """Another figure of the same order: a share stays below 100%, an age below 90, and no range runs backwards."""
    found = [match for match in _NUMBER.finditer(text) if _may_change(text, match)]
    if not found:
        return None
    match = found[seed(text) % len(found)]
    new = _other_number(match["value"], after=text[match.end() :])
    return _with_article(text[: match.start()], new) + new + text[match.end() :] if new else None


def _with_article(before: str, number: str) -> str:
    """ "A 16-year-old", and "an 8-year-old"."""
    vowel = re.match(r"8|1[18](?!\d)", number)
    return re.sub(r"\b([Aa])n? $", lambda match: f"{match[1]}{'n' if vowel else ''} ", before)


def _may_change(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()], text[match.end() :]
    joined = _JOINED_BEFORE.search(before) or _JOINED_AFTER.match(after)
    measured = re.match(_UNIT, after) is not None
    counted = re.match(r" [a-z]{4,}s\b", after) is not None and float(match["value"]) > 1
    return bool((measured or counted) and not joined and not _NAMES_A_KIND.search(before))


def _other_number(said: str, *, after: str) -> str | None:
    value = float(said)
    share = re.match(r"%| ?per ?cent", after) is not None
    years = re.match(r"[ -]years?", after) is not None
    if not value or (share and value >= 100):
        return None
    if value == 1 or (value == int(value) and value < 4 and "." not in said):
        # "1 year" would want another ending than "2 years".
        plain = not re.match(r"[ -](?:weeks?|months?|days?|hours?|minutes?|years?|decades?)\b", after)
        return str(int(value) + 2) if value > 1 or plain else None
    large = (re.match(r"[ -]cm\b", after) and value > 8) or (re.match(r"[ -]mm\b", after) and value > 60)
    halved = large or (share and value > 45) or (years and value > 40)
    changed = value / 2 if halved else value * 2
    if "." in said:
        return f"{changed:.1f}"
    return str(round(changed / 5) * 5 if value >= 20 and value % 5 == 0 else round(changed))
