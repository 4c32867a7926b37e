"""What of a phrase is a finding: not who the patient is, when it was, where something lies or which film shows it."""

import re
from dataclasses import replace

from cdss.reasoning.plain_words import PLACES, PLAIN_WORDS
from retrieval.terms import Finding, tokens

_WORD = re.compile(r"\w+")
# What stands where an identifier was, and the words that led to it, say nothing of the case.
_LEFT_OVER = frozenset(
    {"name", "date", "record", "phone", "fax", "email", "address", "accession", "number", "url"}
    | {"dr", "mr", "mrs", "ms", "prof", "mrn", "dob"}
)
_ENDING = re.compile(
    r"(?:[\s,]+(?:of|to|in|into|on|at|by|for|from|with|w|w/|within|the|an?|and|or|as|than|that|which|appears?|appeared|"
    r"seems?|likely))+[\s,]*\Z",
    re.IGNORECASE,
)
# A phrase that opens so says where or when another finding is.
_BEGINNING = re.compile(
    r"(?:inside|within|into|along|alongside|around|behind|above|below|beneath|underneath|between|through|throughout|"
    r"toward|towards|beyond|among|across|during|until|since|when|where|while|as|if|than|that|none of|after|before|"
    r"over the (?:last|past|next)|by|from|about|at)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<!\w)\d+(?:\.\d+)?(?:\s*(?:-|–|to)\s*\d+)?[-\s]*(?:years?|yrs?|yr|y|months?|mos?|weeks?|wks?|days?|hours?|hrs?|"
    r"minutes?|seconds?|decades?)?(?:[-\s]*(?:/\s*)?(?:olds?|o)\b)?[-\s]*(?:wm|wf|bm|bf|hm|hf)?\b",
    re.IGNORECASE,
)
_PERSON = frozenset(
    tokens(
        "gentleman lady baby neonate newborn toddler teenager adolescent wm wf bm bf hm hf yo yof yom healthy well "
        "appearing nourished developed otherwise asymptomatic soldier active duty military"
    )
)
_NOTHING = frozenset(
    tokens(
        "many most some none several both each either other another additional additionally further furthermore "
        "overall approximately about again also subsequent subsequently following initial initially selected largest "
        "smallest apart prior current currently presentation presentations first second third last next day night "
        "morning evening film films fig figs figure figures slide panel frame arrow arrows arrowhead arrowheads fluoro "
        "fluoroscopic mip magnified oblique level occurs enhances here there cm mm ml kg lb hu bpm claimed felt assess "
        "please just available unavailable approx seems chief dept gen submitted "
        "concluded institution http www org performed documented remainder evaluation workup assessment "
        "january february march april june july august september "
        "october november december jan feb mar apr jun jul aug sep sept oct nov dec"
    )
)
_EMPTY = PLAIN_WORDS | PLACES | _PERSON | _NOTHING


def whole(finding: Finding) -> Finding | None:
    """The finding without words it breaks off in; None when what is left tells nothing."""
    text = _ENDING.sub("", finding.text)
    if not text or _BEGINNING.match(text) or not _says_something(text):
        return None
    if text == finding.text:
        return finding
    return replace(finding, text=text, end=finding.start + len(text))


def _says_something(text: str) -> bool:
    if set(_WORD.findall(text.lower())) <= _LEFT_OVER:
        return False
    left = tokens(_TIME.sub(" ", text))
    return any(word not in _EMPTY and any(letter.isalpha() for letter in word) for word in left)
