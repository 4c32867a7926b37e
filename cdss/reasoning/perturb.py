"""True and false claims made from real sentences, to measure the gate with.

Pure functions of a sentence: the same sentence gives the same claims. The word lists here are kept apart from those of
the gate on purpose: a gate measured with its own lists would only agree with itself.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Truth = Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class Perturbed:
    claim: str
    kind: str
    truth: Truth


_PARAPHRASES = {
    "demonstrates": "shows", "demonstrate": "show", "demonstrated": "showed", "reveals": "shows", "shows": "reveals",
    "show": "demonstrate", "seen": "observed", "found": "identified", "approximately": "about", "about": "around",
    "tumor": "neoplasm", "tumors": "neoplasms", "hemorrhage": "bleeding", "patients": "individuals", "usually": "typically",
    "typically": "usually", "frequently": "often", "often": "frequently", "due to": "because of", "large": "big",
    "treatment": "therapy", "therapy": "treatment", "located": "situated", "increased": "elevated", "primarily": "mainly",
    "mainly": "primarily", "associated with": "linked to", "may": "can", "children": "kids", "males": "men",
    "females": "women", "women": "females", "men": "males", "physicians": "doctors", "rare": "uncommon",
    "uncommon": "rare", "common": "frequent", "well-defined": "well defined", "well-circumscribed": "well circumscribed",
    "MRI": "magnetic resonance imaging", "CT": "computed tomography", "MR imaging": "MRI", "multiple": "several",
    "surgical resection": "surgical removal", "excision": "resection", "evaluation": "assessment",
    "assess": "evaluate", "adjacent to": "next to", "indicates": "suggests", "resembles": "looks like",
    "developing": "development of", "initial": "first", "additional": "further", "individuals": "people",
    "symptoms include": "symptoms are", "radiographs": "X-rays", "ultrasound": "sonography", "kidney": "renal",
    "bone": "osseous", "requires": "needs", "recommended": "advised", "greater than": "more than",
    "less than": "fewer than", "prior to": "before", "following": "after", "within": "inside", "begins": "starts",
    "lesions are": "lesion is", "homogeneous": "homogenous", "enlargement": "enlarged size", "entire": "whole",
    "arise": "originate", "arises": "originates", "consists of": "is made up of", "contain": "include",
    "contains": "includes", "diagnosis": "identification", "outcome": "result", "risk": "likelihood",
    "utilized": "used", "performed": "done", "majority of": "most", "in addition": "also", "however": "but",
}  # fmt: skip
_BRITISH = {
    "hemorrhag": "haemorrhag", "tumor": "tumour", "edema": "oedema", "anemi": "anaemi", "esophag": "oesophag",
    "ischemi": "ischaemi", "hematoma": "haematoma", "pediatric": "paediatric", "center": "centre", "fiber": "fibre",
    "hemangioma": "haemangioma", "color": "colour", "leukemi": "leukaemi", "diarrhea": "diarrhoea", "fetal": "foetal",
    "gynecolog": "gynaecolog", "cecum": "caecum", "etiolog": "aetiolog", "anesthe": "anaesthe", "behavior": "behaviour",
    "characteriz": "characteris", "localiz": "localis", "visualiz": "visualis", "orthopedic": "orthopaedic",
}  # fmt: skip
_ANTONYMS = {
    "increased": "decreased", "decreased": "increased", "increase": "decrease", "decrease": "increase", "benign": "malignant",
    "malignant": "benign", "hyperintense": "hypointense", "hypointense": "hyperintense", "hypodense": "hyperdense",
    "hyperdense": "hypodense", "hypoattenuating": "hyperattenuating", "hypoechoic": "hyperechoic", "high": "low",
    "low": "high", "higher": "lower", "lower": "upper", "upper": "lower", "acute": "chronic", "chronic": "acute",
    "proximal": "distal", "distal": "proximal", "anterior": "posterior", "posterior": "anterior", "medial": "lateral",
    "lateral": "medial", "superior": "inferior", "inferior": "superior", "larger": "smaller", "smaller": "larger",
    "large": "small", "small": "large", "early": "late", "late": "early", "central": "peripheral",
    "peripheral": "central", "internal": "external", "external": "internal", "before": "after", "after": "before",
    "above": "below", "below": "above", "more": "less", "less": "more", "solitary": "multiple", "multiple": "solitary",
    "focal": "diffuse", "diffuse": "focal", "ascending": "descending", "descending": "ascending",
    "systolic": "diastolic", "homogeneous": "heterogeneous", "heterogeneous": "homogeneous", "primary": "secondary",
    "solid": "cystic", "cystic": "solid", "men": "women", "women": "men", "males": "females", "females": "males",
    "male": "female", "female": "male", "younger": "older", "older": "younger", "positive": "negative",
    "negative": "positive", "normal": "abnormal", "abnormal": "normal", "intracranial": "extracranial",
    "ventral": "dorsal", "dorsal": "ventral", "thin": "thick", "thick": "thin", "T1": "T2", "T2": "T1",
    "arterial": "venous", "venous": "arterial", "mild": "severe", "severe": "mild", "greater": "smaller",
    "improved": "worsened", "reduced": "raised", "artery": "vein", "vein": "artery", "cortical": "medullary",
    "with": "without",
}  # fmt: skip
_RAISED_CERTAINTY = (
    (r"\bmay be\b", "is"), (r"\bmight be\b", "is"), (r"\bcan be\b", "is always"), (r"\bcould be\b", "is"),
    (r"\bmay have\b", "has"), (r"\bmay\b", "will"), (r"\bmight\b", "will"), (r"\bcould\b", "will"),
    (r"\bprobably\b", "certainly"), (r"\bpossibly\b", "certainly"), (r"\bsuggests?\b", "proves"), (r"\blikely\b", "certain"),
    (r"\bpossible\b", "definite"), (r"\bis thought to be\b", "is"), (r"\bare thought to be\b", "are"),
    (r"\bappears to be\b", "is"), (r"\bappear to be\b", "are"), (r"\bsuggestive of\b", "diagnostic of"),
)  # fmt: skip
_RAISED_QUANTIFIER = (
    (r"\bsome\b", "all"), (r"\busually\b", "always"), (r"\boften\b", "always"), (r"\btypically\b", "invariably"),
    (r"\bsometimes\b", "always"), (r"\bmost (?=[a-z]+s\b)", "all "), (r"\brarely\b", "commonly"), (r"\brare\b", "common"),
    (r"\buncommon\b", "common"), (r"\boccasionally\b", "usually"), (r"\bmany\b", "all"), (r"\bfew\b", "most"),
    (r"\bthe majority of\b", "all"), (r"\bgenerally\b", "always"), (r"\bcommonly\b", "always"), (r"\bfrequently\b", "always"),
)  # fmt: skip
_UNITS = {
    "cm": "mm", "mm": "cm", "years": "months", "year": "month", "months": "years", "weeks": "days", "days": "weeks",
    "hours": "minutes", "minutes": "hours", "mg": "g", "g": "mg", "ml": "l", "mL": "L", "HU": "mm", "kg": "mg",
    "mg/dL": "g/dL", "decade": "year", "mcg": "mg",
}  # fmt: skip
_SIDES = {
    "left": "right",
    "right": "left",
    "Left": "Right",
    "Right": "Left",
    "bilateral": "unilateral",
    "unilateral": "bilateral",
}


def good_claims(sentence: str) -> list[Perturbed]:
    """Claims that say what the sentence says, or less."""
    makers: Sequence[tuple[str, Callable[[str], str | None]]] = (
        ("verbatim", lambda text: text),
        ("clause-dropped", _clause_dropped),
        ("reordered", _reordered),
        ("list-reordered", _list_reordered),
        ("synonym", _synonym),
        ("spelling", lambda text: _first_of(text, _BRITISH, whole=False)),
        ("plural", _plural),
        ("voice", _voice),
        ("unit-converted", _unit_converted),
        ("weakened", _weakened),
    )
    return _made(sentence, makers, "good")


def bad_claims(sentence: str, *, names: Sequence[str] = (), others: Sequence[str] = ()) -> list[Perturbed]:
    """Claims that the sentence does not make. `names`: diseases to swap in; `others`: sentences from elsewhere."""
    makers: Sequence[tuple[str, Callable[[str], str | None]]] = (
        ("negation", _negation_flipped),
        ("laterality", lambda text: _first_of(text, _SIDES)),
        ("number", _number_changed),
        ("unit", _unit_changed),
        ("disease", lambda text: _disease_swapped(text, names)),
        ("certainty", lambda text: _by_pattern(text, _RAISED_CERTAINTY)),
        ("quantifier", lambda text: _by_pattern(text, _RAISED_QUANTIFIER)),
        ("antonym", lambda text: _first_of(text, _ANTONYMS)),
        ("swapped", _swapped),
        ("addition", lambda text: _with_addition(text, others)),
        ("elsewhere", lambda text: _chosen(others, text)),
    )
    return _made(sentence, makers, "bad")


def altered_quote(quote: str) -> str | None:
    """The quote with one of its words exchanged."""
    for change in (_number_changed, lambda text: _first_of(text, _ANTONYMS), _negation_flipped):
        if (made := change(quote)) and made != quote:
            return made
    return None


def _made(sentence: str, makers: Sequence[tuple[str, Callable[[str], str | None]]], truth: Truth) -> list[Perturbed]:
    found = []
    for kind, make in makers:
        claim = make(sentence)
        if claim and (claim != sentence or kind == "verbatim"):
            found.append(Perturbed(claim, kind, truth))
    return found


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _chosen(options: Sequence[str], text: str) -> str | None:
    return options[_seed(text) % len(options)] if options else None


def _places(text: str, words: Mapping[str, str], whole: bool) -> Iterator[tuple[re.Match[str], str]]:
    edge = r"(?<![\w-])" if whole else ""
    after = r"(?![\w-])" if whole else ""
    pattern = re.compile(edge + "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")" + after)
    for match in pattern.finditer(text):
        yield match, words[match.group()]


def _first_of(text: str, words: Mapping[str, str], *, whole: bool = True) -> str | None:
    found = list(_places(text, words, whole))
    if not found:
        return None
    match, new = found[_seed(text) % len(found)]
    return text[: match.start()] + new + text[match.end() :]


def _by_pattern(text: str, rules: Sequence[tuple[str, str]]) -> str | None:
    for pattern, new in rules:
        if re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
    return None


def _clause_dropped(text: str) -> str | None:
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


def _reordered(text: str) -> str | None:
    match = re.fullmatch(r"((?:In|On|At|During|After|With|For|Among)\s[^,.;:()]{4,60}),\s+(.{20,}?)\.?", text)
    if not match or re.match(r"(?:and|or|the\s+\w+,)", match[2]):
        return None
    lead, rest = match.groups()
    if "," in rest and re.search(r",\s+(?:and|or)\s", rest[:40]):
        return None
    return f"{rest[0].upper()}{rest[1:]} {lead[0].lower()}{lead[1:]}."


def _list_reordered(text: str) -> str | None:
    match = re.search(r"\b([a-z]{4,}) and ([a-z]{4,})(?=[.,;])", text)
    if not match or match[1].endswith("ly"):
        return None
    return f"{text[: match.start()]}{match[2]} and {match[1]}{text[match.end() :]}"


def _synonym(text: str) -> str | None:
    found = list(_places(text, _PARAPHRASES, True))
    if not found:
        return None
    kept = [found[(_seed(text) + step) % len(found)] for step in range(min(2, len(found)))]
    made = text
    for match, new in sorted(set(kept), key=lambda pair: -pair[0].start()):
        made = made[: match.start()] + new + made[match.end() :]
    return made


def _plural(text: str) -> str | None:
    for one, many in (("lesion is", "lesions are"), ("mass is", "masses are"), ("tumor is", "tumors are")):
        for old, new in ((many, one), (one, many)):
            if re.search(rf"\b{old}\b", text):
                return re.sub(rf"\b{old}\b", new, text, count=1)
    match = re.match(r"([A-Z][a-z]+(?: [a-z]+)? [a-z]+s) are (.+)", text)
    return f"A {match[1][0].lower()}{match[1][1:-1]} is {match[2]}" if match and not match[1].endswith("ss") else None


def _voice(text: str) -> str | None:
    match = re.fullmatch(
        r"((?:[A-Z])[\w\s-]{4,60}?) (shows?|demonstrates?|reveals?|causes?|affects?|involves?|displaces?) ([^,;:]{5,90})\.",
        text,
    )
    if not match or re.search(r"\b(?:may|can|which|that|not|often|usually|also)\b", match[1]):
        return None
    past = {"show": "shown", "demonstrate": "demonstrated", "reveal": "revealed"}
    verb = match[2].rstrip("s")
    participle = past.get(verb, f"{verb}d" if verb.endswith("e") else f"{verb}ed")
    return f"{match[3][0].upper()}{match[3][1:]} is {participle} by {match[1][0].lower()}{match[1][1:]}."


def _unit_converted(text: str) -> str | None:
    match = re.search(r"(?<![\d.x×/–-])(?<!x )(\d+(?:\.\d+)?) ?(cm|mm)\b(?! ?[x×])", text)
    if not match or re.search(r"[x×–-]\s*$", text[: match.start()]):
        return None
    value = float(match[1]) * (10 if match[2] == "cm" else 0.1)
    return f"{text[: match.start()]}{value:g} {'mm' if match[2] == 'cm' else 'cm'}{text[match.end() :]}"


def _weakened(text: str) -> str | None:
    match = re.search(r"\b(?:is|are) (?=(?:seen|found|associated|caused|present|located|used|required)\b)", text)
    if not match or re.search(r"\b(?:no|not|never|rare\w*|few|all|always|most|may|can|only)\b", text, re.IGNORECASE):
        return None
    return f"{text[: match.start()]}can be {text[match.end() :]}"


def _negation_flipped(text: str) -> str | None:
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


def _number_changed(text: str) -> str | None:
    found = list(re.finditer(r"(?<![\w.,(\[/-])(\d{1,4}(?:\.\d+)?)(?![\w\])/]|,\d)(?!\.\s*$)", text))
    if not found:
        return None
    match = found[_seed(text) % len(found)]
    value = float(match[1])
    changed = value + 1 if value < 4 else value * (2 if _seed(text) % 2 else 0.5)
    new = f"{changed:.1f}" if "." in match[1] else str(max(1, round(changed)))
    return text[: match.start()] + new + text[match.end() :] if new != match[1] else None


def _unit_changed(text: str) -> str | None:
    for match in re.finditer(r"(?<=\d)([ -]?)([A-Za-z/]+)\b", text):
        if match[2] in _UNITS:
            return text[: match.start(2)] + _UNITS[match[2]] + text[match.end(2) :]
    return None


def _disease_swapped(text: str, names: Sequence[str]) -> str | None:
    lowered = text.lower()
    held = [name for name in names if len(name) > 5 and re.search(rf"\b{re.escape(name.lower())}s?\b", lowered)]
    if not held:
        return None
    old = max(held, key=len)
    new = next(
        (
            name
            for step in range(len(names))
            if (name := names[(_seed(text) + step) % len(names)]).lower() not in lowered
            and not set(name.lower().split()) & set(old.lower().split())
        ),
        None,
    )
    return re.sub(rf"\b{re.escape(old)}", new, text, count=1, flags=re.IGNORECASE) if new else None


def _swapped(text: str) -> str | None:
    """Two words of one kind exchanged, each of which stays in the sentence: "T1 … T2", "left … right", "20% … 40%"."""
    for one, other in (("T1", "T2"), ("left", "right"), ("hyperintense", "hypointense"), ("men", "women"), ("males", "females"),
                       ("benign", "malignant"), ("increased", "decreased"), ("high", "low"), ("upper", "lower"), ("anterior", "posterior")):  # fmt: skip
        if re.search(rf"\b{one}\b", text) and re.search(rf"\b{other}\b", text):
            if re.search(rf"\b(?:{one}|{other}) (?:and|or|to|and/or) (?:{one}|{other})\b", text):
                return None
            return re.sub(rf"\b({one}|{other})\b", lambda match: other if match[1] == one else one, text)
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


def _with_addition(text: str, others: Sequence[str]) -> str | None:
    other = _chosen(others, text + "+")
    if not other or len(other) > 160:
        return None
    return f"{text.rstrip('.')}, and {other[0].lower()}{other[1:]}"
