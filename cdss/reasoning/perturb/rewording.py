"""Ways in which another writer would say a true sentence: other names, other numerals, a part of it, two at once."""

import re
from functools import cache

from cdss.reasoning.perturb.picking import by_pattern, seed
from cdss.reasoning.perturb.swaps import FRAMES, LONG_FORMS, NUMERALS, REWORDED

_LISTED = re.compile(
    r"(?P<head>[A-Z][^.;:()]{8,80}?\b(?:includ(?:e|es|ed)|are|is|shows?|demonstrates?|caus(?:e|es)|affects?|involves?|"
    r"contains?|of|with|by)\s)(?P<one>[a-z][\w-]+(?: [a-z][\w-]+)?), (?P<two>[a-z][\w-]+(?: [a-z][\w-]+)?),? "
    r"(?:and|or) (?P<three>[a-z][\w-]+(?: [a-z][\w-]+)?)\."
)
_NOT_AN_ITEM = re.compile(
    r"(?:is|are|was|were|has|have|may|can|which|with|without|no|not|often|usually|that|in|of|to|by|and|or|the|a|an|"
    r"other|then|most|less|more|\w+ly|to \w+|both)\b"
)
_PLACED = re.compile(
    r"(?P<what>(?:A|An|The) [a-z][\w -]{5,60}?) (?P<verb>is|was|are|were) (?P<seen>seen|present|found|noted|"
    r"identified) (?P<where>(?:in|within|at|along) the [\w -]{4,60})\."
)
_PASSIVE = re.compile(
    r"(?P<what>[A-Z][\w -]{5,60}?) (?:is|are) (?P<verb>caused|produced|displaced|surrounded|supplied|affected) by "
    r"(?P<who>[a-z][\w -]{4,60})\."
)
_ACTIVE = {
    "caused": "cause",
    "produced": "produce",
    "displaced": "displace",
    "surrounded": "surround",
    "supplied": "supply",
    "affected": "affect",
}
_SPOKEN = re.compile(r"\b(?:no|not|never|rare\w*|without|only|may|can|usually|often|most|also|which|that)\b", re.I)


def abbreviation(text: str) -> str | None:
    """A long form shortened, or a short form written out."""
    for long, short in LONG_FORMS.items():
        if match := re.search(rf"\b{long}\b(?! ?\()", text, re.IGNORECASE):
            return f"{text[: match.start()]}{short}{text[match.end() :]}"
    for long, short in LONG_FORMS.items():
        if match := re.search(rf"(?<![\w(/-]){short}(?![\w)/-])", text):
            return f"{text[: match.start()]}{long}{text[match.end() :]}"
    return None


def reworded(text: str) -> str | None:
    """One phrase said in other words of the same strength."""
    found = [(pattern, new) for pattern, new in REWORDED if re.search(pattern, text)]
    return by_pattern(text, [found[seed(text) % len(found)]]) if found else None


def numeral(text: str) -> str | None:
    """ "ten patients" for "10 patients" and back, "20 percent" for "20%", "3-5" for "3 to 5"."""
    changes = (
        (r"(?<=\d)%", " percent"),
        (r"\b(\d+)\s?(?:percent|per cent)\b", r"\1%"),
        (r"\b(\d+) to (\d+)(?= ?(?:cm|mm|years|months|weeks|days|hours|%))", r"\1-\2"),
        (r"(?<![\d.,-])\b(\d+)-(\d+)(?= (?:cm|mm|years|months|weeks|days|hours))", r"\1 to \2"),
    )
    if made := by_pattern(text, changes):
        return made
    for word, digits in NUMERALS:
        if re.search(
            rf"\b{word}(?= (?:patients|cases|women|men|children|years|months|weeks|days|hours|lesions))", text
        ):
            return re.sub(rf"\b{word}(?= )", digits, text, count=1)
        pattern = rf"(?<![\d.,–-]){digits}(?= (?:patients|cases|women|men|children|years|months|weeks|days|hours))"
        if re.search(rf"(?<!\bto )(?<!\band ){pattern}", text):
            return re.sub(pattern, word, text, count=1)
    return None


def extracted(text: str) -> str | None:
    """One item of a list: "X shows A, B and C." -> "X shows B." """
    match = _LISTED.fullmatch(text)
    if not match or _SPOKEN.search(match["head"]) or re.search(r"\bbetween\b|, ", match["head"]):
        return None
    items = [match[name] for name in ("one", "two", "three")]
    if any(_NOT_AN_ITEM.match(item) for item in items) or match["head"].rstrip().endswith(("is", "are")):
        return None
    return f"{match['head']}{items[seed(text) % 3]}."


def fronted(text: str) -> str | None:
    """ "A mass is seen in the liver." -> "In the liver, a mass is seen." """
    match = _PLACED.fullmatch(text)
    if not match:
        return None
    where, what = match["where"], match["what"]
    return f"{where[0].upper()}{where[1:]}, {what[0].lower()}{what[1:]} {match['verb']} {match['seen']}."


def active(text: str) -> str | None:
    match = _PASSIVE.fullmatch(text)
    if not match or _SPOKEN.search(text) or re.search(r"\b(?:and|or)\b", match["who"]):
        return None
    who, what = match["who"], match["what"]
    plural = who.endswith("s") and not who.endswith(("ss", "sis", "itis", "us"))
    verb = _ACTIVE[match["verb"]]
    verb = verb if plural else "supplies" if verb == "supply" else f"{verb}s"
    return f"{who[0].upper()}{who[1:]} {verb} {what[0].lower()}{what[1:]}."


def framed(text: str) -> str | None:
    """The sentence as a report of what the source says."""
    if not re.match(r"(?:The|A|An|In|Most|Some|Patients|[A-Z][a-z]{3,}) ", text):
        return None
    lead = FRAMES[seed(text) % len(FRAMES)]
    name = re.match(r"[A-Z][a-z]+ian|[A-Z]\w*[A-Z]|I |[A-Z][a-z]+'s", text)
    return f"{lead} {text if name else text[0].lower() + text[1:]}"


def merged(text: str, following: str | None) -> str | None:
    """The sentence and the next of the passage as one."""
    if not following or not text.endswith(".") or len(text) + len(following) > 350:
        return None
    return f"{text[:-1]}; {following[0].lower()}{following[1:]}"


@cache
def _vocabulary() -> dict[str, tuple[str, ...]]:
    """Names of phenotypes and their exact synonyms, in lower case."""
    from cdss.reasoning.concepts import phenotype_names

    found: dict[str, tuple[str, ...]] = {}
    for name, others in phenotype_names():
        names = [one.lower() for one in (name, *others) if re.fullmatch(r"[A-Za-z][A-Za-z -]{4,40}", one)]
        for one in names:
            found.setdefault(one, tuple(other for other in names if other != one))
    return found


def vocabulary(text: str) -> str | None:
    """A finding under another of its names in the Human Phenotype Ontology."""
    words = [(match.start(), match.end()) for match in re.finditer(r"[\w-]+", text)]
    lowered = text.lower()
    for size in (4, 3, 2, 1):
        for place in range(len(words) - size + 1):
            start, end = words[place][0], words[place + size - 1][1]
            others = _vocabulary().get(lowered[start:end])
            if others and (size > 1 or _CLINICAL.search(lowered[start:end])):
                other = others[seed(text) % len(others)]
                if not _ends_like(lowered[start:end], other) or _more_special(lowered[start:end], other):
                    continue
                return f"{text[:start]}{other.capitalize() if start == 0 else other}{text[end:]}"
    return None


_CLINICAL = re.compile(r"(?:ia|itis|osis|oma|pathy|algia|megaly|ectasis|cele|us|is)s?\Z")


def _more_special(one: str, other: str) -> bool:
    """Whether one only adds words to the other: "melanoma", "malignant melanoma"."""
    return set(one.split()) <= set(other.split()) or set(other.split()) <= set(one.split())


def _ends_like(one: str, other: str) -> bool:
    """Both singular or both plural, so that the sentence stays one."""
    return one.endswith("s") == other.endswith("s")
