"""Changes that make a sentence say something else."""

import re
from collections.abc import Sequence

from cdss.reasoning.perturb.picking import chosen, seed
from cdss.reasoning.perturb.words import EXCHANGED, UNITS


def negation_flipped(text: str) -> str | None:
    for pattern, new in (
        (r"\b(is|are|was|were|does|do|did|can|may|has|have|had|should|will) not\b", r"\1"),
        (r"\bNo (?=[a-z])", "Some "), (r"\bthere (is|are|was|were) no\b", r"there \1"), (r"\bwithout\b", "with"),
        (r"\bno evidence of\b", "evidence of"), (r"\bno (?=[a-z]{4,})", ""), (r"\bcannot\b", "can"),
    ):  # fmt: skip
        if re.search(pattern, text):
            made = re.sub(pattern, new, text, count=1)
            return (
                re.sub(r"\b(?:does|do|did) (?=[a-z]+\b)", "", made, count=1) if pattern.startswith(r"\b(is|") else made
            )
    for pattern, new in (
        (r"\b(is|are|was|were|can|may|should|will|could|has been|have been)\b (?!not\b)", r"\1 not "),
        (r"\b(demonstrate|show|reveal|cause|contain|include|occur|require|involve)s?\b", r"does not \1"),
        (r"\bwith (?=[a-z])", "without "),
    ):
        if re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
    return None


def number_changed(text: str) -> str | None:
    found = list(re.finditer(r"(?<![\w.,(\[/-])(\d{1,4}(?:\.\d+)?)(?![\w\])/]|,\d)(?!\.\s*$)", text))
    if not found:
        return None
    match = found[seed(text) % len(found)]
    value = float(match[1])
    changed = value + 1 if value < 4 else value * (2 if seed(text) % 2 else 0.5)
    new = f"{changed:.1f}" if "." in match[1] else str(max(1, round(changed)))
    return text[: match.start()] + new + text[match.end() :] if new != match[1] else None


def unit_changed(text: str) -> str | None:
    for match in re.finditer(r"(?<=\d)([ -]?)([A-Za-z/]+)\b", text):
        if match[2] in UNITS:
            return text[: match.start(2)] + UNITS[match[2]] + text[match.end(2) :]
    return None


def disease_swapped(text: str, names: Sequence[str]) -> str | None:
    lowered = text.lower()
    held = [name for name in names if len(name) > 5 and re.search(rf"\b{re.escape(name.lower())}s?\b", lowered)]
    if not held:
        return None
    old = max(held, key=len)
    new = next(
        (
            name
            for step in range(len(names))
            if (name := names[(seed(text) + step) % len(names)]).lower() not in lowered
            and not set(name.lower().split()) & set(old.lower().split())
        ),
        None,
    )
    return re.sub(rf"\b{re.escape(old)}", new, text, count=1, flags=re.IGNORECASE) if new else None


def swapped(text: str) -> str | None:
    """Two words of one kind exchanged, each of which stays in the sentence: "T1 … T2", "left … right", "20% … 40%"."""
    for one, other in EXCHANGED:
        if re.search(rf"\b{one}\b", text) and re.search(rf"\b{other}\b", text):
            if re.search(rf"\b(?:{one}|{other}) (?:and|or|to|and/or) (?:{one}|{other})\b", text):
                return None
            partner = {one: other, other: one}
            return re.sub(rf"\b(?:{one}|{other})\b", lambda match: partner[match.group()], text)  # noqa: B023
    found = list(re.finditer(r"(?<![\w.-])\d+(?:\.\d+)?%", text))
    if len(found) == 2 and found[0].group() != found[1].group():
        first, second = found
        return (
            text[: first.start()]
            + second.group()
            + text[first.end() : second.start()]
            + first.group()
            + text[second.end() :]
        )
    return None


def with_addition(text: str, others: Sequence[str]) -> str | None:
    other = chosen(others, text + "+")
    if not other or len(other) > 160:
        return None
    return f"{text.rstrip('.')}, and {other[0].lower()}{other[1:]}"
