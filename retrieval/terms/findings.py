"""The findings of a text: what is present, denied, uncertain or past, on which side, how large, where, seen by what."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from retrieval.terms.assertions import Assertion, Side, assertions
from retrieval.terms.cues import Polarity, cues
from retrieval.terms.measures import Measure
from retrieval.terms.places import anatomy, modality
from retrieval.terms.spans import Span, sentences

Presence = Literal["present", "denied", "uncertain", "historical"]
PRESENCES: tuple[Presence, ...] = ("present", "denied", "uncertain", "historical")
_PRESENCE: Mapping[Polarity, Presence] = {"affirmed": "present", "denied": "denied", "uncertain": "uncertain"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a case.

    Args:
        text: its words; `text == source[start:end]` unless it was corrected or added.
        start, end: characters of the text of its part; -1 for one that stands in no text.
        part: the part of the case it stands in: "history", "exam", "findings", or "".
        assertion: whether it is there. "historical" is what was there before and is not said to be there now.
        laterality: left, right, bilateral, midline or None.
        measures: its quantities as they are written.
        anatomy: the organs and regions its words name, singular, American spelling.
        modality: CT, MR, XR, US, NM, PET, angiography, mammography, when its sentence names one; else "".
        codes: code system to code, where a vocabulary knows the finding.
        by_hand: it was corrected or added by a person, whose word holds over what is read.
    """

    text: str
    start: int
    end: int
    part: str = ""
    assertion: Presence = "present"
    laterality: Side | None = None
    measures: tuple[str, ...] = ()
    anatomy: tuple[str, ...] = ()
    modality: str = ""
    codes: Mapping[str, str] = field(default_factory=dict, hash=False)
    by_hand: bool = False


def findings(text: str, *, part: str = "") -> list[Finding]:
    """The findings of a text in order. A phrase of nothing but general words is left out (see `assertions`)."""
    whole = sentences(text)
    found: list[Finding] = []
    place, seen_by = -1, ""
    for one in assertions(text):
        while place < 0 or whole[place].end <= one.start:
            place += 1
            seen_by = modality(whole[place].text)
        sentence = whole[place]
        presence = _presence(sentence, one)
        found.append(
            Finding(
                text=one.text,
                start=one.start,
                end=one.end,
                part=part,
                assertion=presence,
                laterality=one.laterality,
                measures=_sizes(text, one.measures),
                anatomy=anatomy(one.text),
                modality=seen_by,
            )
        )
    return found


_BY = re.compile(r"\s*[x×]\s*\Z")


def _sizes(text: str, found: Sequence[Measure]) -> tuple[str, ...]:
    """The quantities as they are written; the sides of "2.5 x 3 cm" are one."""
    spans: list[tuple[int, int]] = []
    for one in found:
        if spans and _BY.match(text, spans[-1][1], one.start):
            spans[-1] = (spans[-1][0], one.end)
        else:
            spans.append((one.start, one.end))
    return tuple(text[start:end].strip() for start, end in spans)


# How far back words still say when and how surely: a list may be long, a text without full stops is longer.
_REACH = 200
# "a 3 day history of pain" is of now; "history of melanoma" is not.
_PAST_BEFORE = re.compile(
    r"(?P<since>\b(?:\d+|one|two|three|four|five|six|several|few|long)[\s-]*(?:day|week|month|year|hour|yr|mo|wk|d|w|y|"
    r"standing|term)s?[\s-]*(?:of |duration )?)?"
    r"\b(?:(?:past |prior |previous |remote |known |significant |surgical |medical |family )*(?:history|hx|h/o|pmh|psh)"
    r"(?: is| was)?(?: (?:significant|notable|remarkable|positive))?(?: of| for|:)?|status[- ]post|s/p|previously|"
    r"\b(?:in|since) (?:childhood|infancy))\b[^.;]*\Z",
    re.IGNORECASE,
)
_PAST_INSIDE = re.compile(
    r"^(?:family history\b|(?:interval )?(?:resolution|clearing|resection|removal) of|"
    r"prior|previous(?:ly)?|remote|former|past|old|healed|status[- ]post|s/p|childhood)\b|"
    r"\b(?:years?|decades?|months?) (?:ago|before|earlier|previously|prior)\b",
    re.IGNORECASE,
)
# What a new part of the sentence says is of now again.
_NOW = re.compile(
    r"\b(?:present(?:s|ed|ing)?|now|currently|today|complain\w*|admitted|came|comes|seen|who|with (?:new|acute|sudden|"
    r"worsening|increasing|progressive|recent)|shows?|showed|reveal\w*|demonstrat\w*|develop\w*|noted|found)\b",
    re.IGNORECASE,
)
_GONE_BEFORE = re.compile(r"\b(?:resolution|clearing|resection|removal) of[^.;]*\Z", re.IGNORECASE)
_OPEN_BEFORE = re.compile(
    r"\b(?:(?:may|might|could|can|possibly|probably|likely|perhaps)(?: also)?(?: be| represent)? (?:due|secondary) to|"
    r"differential (?:diagnos[ei]s|considerations?)?[^.;]*\b(?:includ\w+|of|is|are|:)|(?:versus|vs\.?))[^.;]*\Z|"
    r"\A\W*(?:question|query|\?)\W*\Z",
    re.IGNORECASE,
)
_OPEN_INSIDE = re.compile(r"\A(?:question|query|questionable|presumed|differential)\b", re.IGNORECASE)
_OPEN_AFTER = re.compile(
    r"\A\s*(?:,?\s*(?:versus|vs)\b|\?|(?:is|are|remains?) (?:a |an )?(?:possibilit|consideration))", re.I
)


def _presence(sentence: Span, one: Assertion) -> Presence:
    presence = _PRESENCE[one.polarity]
    if presence != "present":
        return presence
    start, end = one.start - sentence.start, one.end - sentence.start
    before, phrase, after = (
        sentence.text[max(0, start - _REACH) : start],
        sentence.text[start:end],
        sentence.text[end : end + 40],
    )
    if _OPEN_BEFORE.search(before) or _OPEN_INSIDE.search(phrase) or _OPEN_AFTER.search(after):
        return "uncertain"
    if _PAST_INSIDE.search(phrase) or _GONE_BEFORE.search(before):
        return "historical"
    past = _PAST_BEFORE.search(before)
    return "historical" if past and not past["since"] and not _NOW.search(past.group()) else "present"


def affirmed_text(text: str, found: Sequence[Finding] | None = None) -> str:
    """A text without what it denies, for searching: neither BM25 nor an encoder reads a negation.

    `found` are its findings, where they are known already. A sentence of which nothing is left is left out whole.
    Never empty for a text that has words: one that denies everything is returned as it is.
    """
    known = findings(text) if found is None else found
    return without(text, [one for one in known if one.assertion == "denied"], known) or text


def without(text: str, left_out: Collection[Finding], found: Sequence[Finding]) -> str:
    """A text without the words of some of its findings, and without the denials that then govern nothing.

    `left_out` is a part of `found`, the findings of the text. Every other finding is read of the result as before: a
    sentence that the cut would change the meaning of is replaced by a plain statement of what is left of it.
    """
    if not left_out:
        return text
    gone = {(one.start, one.end) for one in left_out}
    kept: list[str] = []
    at = 0
    for sentence in sentences(text):
        own = [one for one in found if sentence.start <= one.start < sentence.end]
        left = [one for one in own if (one.start, one.end) not in gone]
        kept.append(text[at : sentence.start])
        if len(left) == len(own):
            kept.append(sentence.text)
        elif left:
            kept.append(_reduced(sentence, own, left))
        at = sentence.end
    return "".join([*kept, text[at:]]).strip()


def _reduced(sentence: Span, own: Sequence[Finding], left: Sequence[Finding]) -> str:
    spans = [(one.start - sentence.start, one.end - sentence.start) for one in own]
    cut = _cut(sentence.text, [span for one, span in zip(own, spans, strict=True) if one not in left], spans)
    read = {(one.text.lower(), one.assertion) for one in findings(cut)}
    if {(one.text.lower(), one.assertion) for one in left} <= read:
        return cut
    return " ".join(map(plainly, left))


_PLAINLY: Mapping[Presence, str] = {
    "present": "{}.",
    "denied": "No {}.",
    "uncertain": "Possible {}.",
    "historical": "History of {}.",
}


def plainly(finding: Finding) -> str:
    """A finding as a sentence of its own that is read as it is meant: "No fat."."""
    said = _PLAINLY[finding.assertion].format(finding.text)
    return said[:1].upper() + said[1:]


# What links or leads to words that are gone.
_LEFT_OVERS = (
    (
        re.compile(
            r"\b(no|not|without|den(?:y|ies|ied)|neither|of|for|from)\s*(?:,\s*(?:or|and)?|\s(?:or|and|nor))\s+",
            re.IGNORECASE,
        ),
        r"\1 ",
    ),
    (re.compile(r"(?:\s*\b(?:with|and|or|nor|of|in|an?|the|for|to))+\s*(?=[.;:]|\Z)", re.IGNORECASE), ""),
    (re.compile(r"(?:\s*,)+(?=\s*[,.;])|\A[\s,]+|\s+(?=[.,;](?:\s|\Z))"), ""),
)


def _cut(sentence: str, gone: Sequence[tuple[int, int]], own: Sequence[tuple[int, int]]) -> str:
    idle = [
        (cue.at, cue.at_end)
        for cue in cues(sentence)
        if (governed := [span for span in own if cue.start <= span[0] and span[1] <= cue.end + 1])
        and all(span in gone for span in governed)
    ]
    return _removed(sentence, [*gone, *idle])


def _removed(text: str, spans: Iterable[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(text[at : max(start, at)])
        at = max(at, end)
    left = " ".join("".join([*kept, text[at:]]).split())
    for left_over, instead in _LEFT_OVERS:
        left = left_over.sub(instead, left)
    # A sentence whose beginning is gone must not run on from the one before it.
    return left[:1].upper() + left[1:]
