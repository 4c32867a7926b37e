"""A denial affirmed or an affirmation denied, where the sentence that comes of it reads as English."""

import re
from collections.abc import Callable

# What is not counted: these take no article when their "no" is gone.
_UNCOUNTED = """
abnormality air ascites atrophy bleeding bowing calcification calcium cavitation communication
compression confirmation consolidation contiguity contrast deformity degeneration density destruction
diffusion dilatation dilation displacement distension disruption edema enhancement enlargement erosion
evidence expansion extension fat fever fibrosis filling flow fluid gas haemorrhage hemorrhage
hydronephrosis infiltration inflammation invasion involvement ischaemia ischemia lymphadenopathy
metastasis motion narrowing necrosis nodularity obstruction oedema pain perfusion pneumothorax pneumonia
proliferation pus reaction relief restriction scarring sclerosis septation shadowing signal spread
stenosis swelling tenderness thickening thrombosis thrombus tissue trauma treatment uptake vascularity
wasting weakness widening
"""
_MASS = frozenset(_UNCOUNTED.split())
_ING = frozenset(word for word in _MASS if word.endswith("ing")) | {"ring", "imaging", "lining", "scalloping"}
_PHRASE = (
    r"(?!(?:more|less|longer|other|one|such|further|single|known|specific|matter|doubt|need|way)\b)"
    r"(?P<phrase>[a-z][a-z-]*(?: [a-z][a-z-]*){0,2}?)"
    r"(?=\s+(?:of|in|on|at|for|from|within|into|and|or|nor|with|to|by|is|are|was|were|has|have|can|may|that|which|seen)\b"
    r"|\s+(?:argues?|makes?|needs?|excludes?|suggests?)\b|[,.;:()]|$)"
)
_BE = r"is|are|was|were"
_MODAL = r"can|may|should|will|could|must"
# With these a sentence stays awkward, or says the same, when its verb is denied or affirmed.
_UNTURNABLE = re.compile(
    r"\b(?:any|either|neither|nor|yet|until|unless|whether|not only|but also|at all|rather|except|however|although)\b"
    r"|\bboth\b|\?|\bif\b|\bor without\b|/without\b",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\b(?:no|not|without|never|cannot|lacks?|absen\w+|none|free of|denie[sd])\b|n't\b", re.IGNORECASE)
# Behind these "not" would stand in the wrong place.
_ADVERB = (
    r"(?:most(?! common\b)|also|therefore|thus|then|only|even|still|now|more often|less|rather|hence|further|often"
    r"|frequently|occasionally|sometimes|rarely|seldom|probably|likely|never|no|not|almost|about|approximately|to|that"
    r"|because|as|when|where|why|how|what|due|better known|known as|called|termed|defined|nearly|unlikely|mainly"
    r"|a little)\b"
)
_THIRD = {
    "demonstrates": "demonstrate", "shows": "show", "reveals": "reveal", "contains": "contain", "includes": "include",
    "requires": "require", "involves": "involve", "occurs": "occur", "arises": "arise", "enhances": "enhance",
    "appears": "appear", "affects": "affect", "suggests": "suggest", "confirms": "confirm", "displaces": "displace",
    "extends": "extend", "resolves": "resolve", "spares": "spare", "crosses": "cross", "responds": "respond",
    "spreads": "spread", "communicates": "communicate",
}  # fmt: skip
_BARE = {bare: third for third, bare in _THIRD.items()}
# What a bare verb may follow: a plural, or a share of a whole.
_SUBJECT = (
    r"(?:\b(?!(?:this|always|is|was|has|as|thus|less|its|perhaps)\b)[a-z]+(?<!ss)(?<!us)(?<!is)s|\d%|\bper cent"
    r"|\b[Mm]ost|\b[Mm]any|\b[Ss]ome|\bchildren|\bmen|\bwomen|\bthey)"
)
_HOLDER = (
    r"(?:mass|masses|lesions?|nodules?|tumou?rs?|cysts?|patients?|men|women|children|areas?|collections?|fractures?"
    r"|plaques?|foc(?:us|i)|opacit(?:y|ies)|aneurysms?|infarcts?|abscess(?:es)?|effusions?|obstruction|stones?)"
)
_COUNTED = r"(?:some|many|several|multiple|one|two|three|numerous|no|not)\b"
# Of "which is", "and is" and their like the subject is not in sight.
_NO_SUBJECT = r"(?<!\bthat )(?<!\bwhich )(?<!\band )(?<!\bor )(?<!\bas )(?<!\bwhat )(?<![Tt]here )"
Rule = tuple[str, Callable[[re.Match[str]], str | None]]


def negation_turned(text: str) -> str | None:
    """None for a sentence that would not survive it."""
    if _UNTURNABLE.search(text):
        return None
    return _by(_AFFIRMING, text) or (None if _DENIAL.search(text) else _by(_DENYING, text))


def _by(rules: tuple[Rule, ...], text: str) -> str | None:
    for pattern, new in rules:
        match = re.search(pattern, text)
        made = new(match) if match else None
        if match and made is not None:
            return text[: match.start()] + made + text[match.end() :]
    return None


def _with_article(phrase: str) -> str:
    head = phrase.split()[-1]
    if head in _MASS or re.search(r"(?<![sui])s$", head) or phrase.split()[0] in ("a", "an", "the"):
        return phrase
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _no_first(match: re.Match[str]) -> str:
    said = _with_article(match["phrase"])
    return said[0].upper() + said[1:]


def _without(match: re.Match[str]) -> str | None:
    first = match["phrase"].split()[0]
    if first.endswith("ing") and first not in _ING:
        return None
    return f"{'With' if match.group()[0] == 'W' else 'with'} {_with_article(match['phrase'])}"


def _did(match: re.Match[str]) -> str | None:
    return match["verb"] if match["do"] == "do" else _BARE.get(match["verb"])


_AFFIRMING: tuple[Rule, ...] = (
    (rf"\b(?P<be>{_BE}|{_MODAL}|has|have|had) not\b(?! only\b)", lambda m: m["be"]),
    (r"\b(?P<do>does|do) not (?P<verb>[a-z]+)\b", _did),
    (r"\bcannot\b", lambda m: "can"),
    (rf"^No {_PHRASE}(?= (?:{_BE}|has|have|can|may)\b)", _no_first),
    (rf"\b(?P<there>[Tt]here (?:is|was)) no {_PHRASE}", lambda m: f"{m['there']} {_with_article(m['phrase'])}"),
    (rf"\b(?P<there>[Tt]here (?:are|were)) no {_PHRASE}", lambda m: f"{m['there']} {m['phrase']}"),
    (rf"\b[Ww]ithout {_PHRASE}", _without),
    (
        rf"\b(?P<verb>shows?|demonstrates?|reveals?|contains?|has|have|with) no {_PHRASE}",
        lambda m: f"{m['verb']} {_with_article(m['phrase'])}",
    ),
)
_DENYING: tuple[Rule, ...] = (
    (
        rf"\b(?P<there>[Tt]here (?:is|was|are|were)) (?!{_COUNTED})(?:an? |usually |often )?"
        rf"(?!{_COUNTED})(?=[a-z]{{4,}})",
        lambda m: f"{m['there']} no ",
    ),
    (rf"\b(?P<have>has|have|had) been (?!{_ADVERB})(?=[a-z])", lambda m: f"{m['have']} not been "),
    (
        rf"(?<=[a-z%\d)] ){_NO_SUBJECT}(?P<verb>{_BE}|{_MODAL}) (?!{_ADVERB})(?=[a-z])",
        lambda m: "cannot " if m["verb"] == "can" else f"{m['verb']} not ",
    ),
    (
        rf"(?<=[a-z)] ){_NO_SUBJECT}(?P<verb>{'|'.join(_THIRD)})\b(?! (?:not|no|as|from time|mainly|mostly)\b)",
        lambda m: f"does not {_THIRD[m['verb']]}",
    ),
    (
        rf"(?P<subject>{_SUBJECT}) (?P<verb>{'|'.join(_BARE)})\b(?! (?:not|no|mainly|mostly)\b)",
        lambda m: f"{m['subject']} do not {m['verb']}",
    ),
    (
        rf"\b(?P<holder>{_HOLDER}) with "
        r"(?!(?:the|or|and|no|respect|age|time|increasing|regard|associated|each|more|less)\b)"
        r"(?=[a-z])(?![a-z]+ing (?:the|a|an)\b)",
        lambda m: f"{m['holder']} without ",
    ),
)
