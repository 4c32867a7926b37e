"""Changes that leave a sentence true."""

import re

from cdss.reasoning.perturb.picking import places, seed
from cdss.reasoning.perturb.words import PARAPHRASES


def clause_dropped(text: str) -> str | None:
    without = re.sub(r"\s*\([^()]{3,}\)", "", text)
    if without != text:
        return without
    if match := re.search(
        r",\s+(?:which|who|although|whereas|with|including|especially|particularly|such as)\b[^,;]*(?=[.,])", text
    ):
        return text[: match.start()] + text[match.end() :] if match.start() > 30 else None
    if ";" in text:
        return text.split(";")[0].strip() + "."
    return None


def reordered(text: str) -> str | None:
    match = re.fullmatch(r"((?:In|On|At|During|After|With|For|Among)\s[^,.;:()]{4,60}),\s+(.{20,}?)\.?", text)
    if not match or re.match(r"(?:and|or|the\s+\w+,)", match[2]):
        return None
    lead, rest = match.groups()
    if "," in rest and re.search(r",\s+(?:and|or)\s", rest[:40]):
        return None
    return f"{rest[0].upper()}{rest[1:]} {lead[0].lower()}{lead[1:]}."


def list_reordered(text: str) -> str | None:
    match = re.search(r"\b([a-z]{4,}) and ([a-z]{4,})(?=[.,;])", text)
    if not match or match[1].endswith("ly"):
        return None
    return f"{text[: match.start()]}{match[2]} and {match[1]}{text[match.end() :]}"


def synonym(text: str) -> str | None:
    found = list(places(text, PARAPHRASES, True))
    if not found:
        return None
    kept = [found[(seed(text) + step) % len(found)] for step in range(min(2, len(found)))]
    made = text
    for match, new in sorted(set(kept), key=lambda pair: -pair[0].start()):
        made = made[: match.start()] + new + made[match.end() :]
    return made


def plural(text: str) -> str | None:
    for one, many in (("lesion is", "lesions are"), ("mass is", "masses are"), ("tumor is", "tumors are")):
        for old, new in ((many, one), (one, many)):
            if re.search(rf"\b{old}\b", text):
                return re.sub(rf"\b{old}\b", new, text, count=1)
    match = re.match(r"([A-Z][a-z]+(?: [a-z]+)? [a-z]+s) are (.+)", text)
    return f"A {match[1][0].lower()}{match[1][1:-1]} is {match[2]}" if match and not match[1].endswith("ss") else None


def voice(text: str) -> str | None:
    match = re.fullmatch(
        r"((?:[A-Z])[\w\s-]{4,60}?) (shows?|demonstrates?|reveals?|causes?|affects?|involves?|"
        r"displaces?) ([^,;:]{5,90})\.",
        text,
    )
    if not match or re.search(r"\b(?:may|can|which|that|not|often|usually|also)\b", match[1]):
        return None
    past = {"show": "shown", "demonstrate": "demonstrated", "reveal": "revealed"}
    verb = match[2].rstrip("s")
    participle = past.get(verb, f"{verb}d" if verb.endswith("e") else f"{verb}ed")
    return f"{match[3][0].upper()}{match[3][1:]} is {participle} by {match[1][0].lower()}{match[1][1:]}."


def unit_converted(text: str) -> str | None:
    match = re.search(r"(?<![\d.x×/–-])(?<!x )(\d+(?:\.\d+)?) ?(cm|mm)\b(?! ?[x×])", text)
    if not match or re.search(r"[x×–-]\s*$", text[: match.start()]):
        return None
    value = float(match[1]) * (10 if match[2] == "cm" else 0.1)
    return f"{text[: match.start()]}{value:g} {'mm' if match[2] == 'cm' else 'cm'}{text[match.end() :]}"


def weakened(text: str) -> str | None:
    match = re.search(r"\b(?:is|are) (?=(?:seen|found|associated|caused|present|located|used|required)\b)", text)
    if not match or re.search(r"\b(?:no|not|never|rare\w*|few|all|always|most|may|can|only)\b", text, re.IGNORECASE):
        return None
    return f"{text[: match.start()]}can be {text[match.end() :]}"
