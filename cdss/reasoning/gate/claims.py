"""A statement split into claims, each told whether it speaks of the case or of the source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cdss.reasoning.gate.reading import read
from cdss.reasoning.gate.subjects import VERB
from retrieval.terms import sentences

_PART = re.compile(
    r";\s*|\s[–—]\s|,?\s+(?:while|whereas|but)\s+(?=(?:the|this|our|in this)\s+(?:case|patient|source)\b)",
    re.IGNORECASE,
)
_HARD = re.compile(
    r";\s*|\s[–—]\s|,?\s+(?:whereas|while|however|although|though)\s+|,\s*(?:but|and|yet|so|which|who)\s+",
    re.IGNORECASE,
)
_AND = re.compile(r"\s+(?:and|but)\s+", re.IGNORECASE)
_VERB_FIRST = re.compile(
    r"(?:(?:also|then|often|usually|typically|commonly|rarely|sometimes)\s+)?(?:is|are|was|were|has|have|had|may|might|can|"
    r"could|will|should|must|does|do|shows?|demonstrates?|reveals?|occurs?|presents?|appears?|causes?|affects?|contains?|"
    r"involves?|arises?|develops?|represents?|requires?|enhances?|extends?|measures?|accounts?|carries|lacks?|tends?)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"(?:it|they|this|these|which|who)\s+(?=[a-z])", re.IGNORECASE)
_CASE = re.compile(
    r"\b(?:(?:the|this|our|present|reported|current)\s+(?:present\s+)?case|in this case|case at hand|case's|"
    r"(?:is|are|was|were) (?:reported|denied|present|absent|described|recorded) here|here,|as here)\b",
    re.IGNORECASE,
)
_PATIENT = re.compile(r"\b(?:the|this|our)\s+(?:patient|man|woman|boy|girl|child|infant)(?:'s|’s)?\b", re.IGNORECASE)
_NAME_WORDS = 6
_OPENING, _CLOSING = "“", "”"


@dataclass(frozen=True, slots=True)
class Claim:
    """`about`: "case" when it reports the case, "either" when it speaks of "the patient", "name" when it is a bare
    name that is quoted, else "source"."""

    text: str
    about: str
    subject: str = ""


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """What stands inside the outermost quotation marks, curly or straight, without the marks."""
    found: list[tuple[int, int]] = []
    depth, start, straight = 0, 0, -1
    for place, character in enumerate(text):
        if character == _OPENING:
            depth += 1
            start = place + 1 if depth == 1 and straight < 0 else start
        elif character == _CLOSING and depth:
            depth -= 1
            if not depth and straight < 0:
                found.append((start, place))
        elif character == '"' and not depth:
            if straight >= 0:
                found.append((straight, place))
                straight = -1
            else:
                straight = place + 1
    return [(start, end) for start, end in found if end > start]


def masked(text: str) -> str:
    """The text with its quotations blanked, letter for letter, so that nothing inside them splits it."""
    for start, end in quoted_spans(text):
        text = text[:start] + "x" * (end - start) + text[end:]
    return text


def whole_claims(text: str, with_case: bool) -> Iterator[Claim]:
    """The sentences of a statement, cut where it changes between the case and the source.

    A sentence that only hands on a quotation ("The source states “…”") gives the sentences of that quotation.
    """
    blanked = masked(text)
    for sentence in sentences(blanked):
        cuts = [sentence.start]
        if with_case:
            cuts += [match.end() for match in _PART.finditer(blanked, sentence.start, sentence.end)]
        pieces = [(start, end) for start, end in zip(cuts, [*cuts[1:], sentence.end], strict=True)]
        abouts = [_about(blanked[start:end]) for start, end in pieces] if with_case else ["source"]
        if len(set(abouts)) == 1:
            pieces, abouts = [(sentence.start, sentence.end)], abouts[:1]
        for (start, end), about in zip(pieces, abouts, strict=True):
            yield from _handed_on(Claim(text[start:end].strip(" ;,–—"), about))


def _about(text: str) -> str:
    if _CASE.search(text):
        return "case"
    return "either" if _PATIENT.search(text) else "source"


def _handed_on(claim: Claim) -> Iterator[Claim]:
    spans = quoted_spans(claim.text)
    around = re.sub(r"x{2,}|\bx\b", " ", masked(claim.text))
    if claim.about != "source" or not spans or read(around).words:
        yield claim
        return
    for start, end in spans:
        for sentence in sentences(claim.text[start:end]):
            named = len(sentence.text.split()) <= _NAME_WORDS and not VERB.search(sentence.text)
            yield Claim(sentence.text, "name" if named else claim.about)


def parts_of(claim: Claim) -> list[Claim]:
    """The smaller claims of a claim, each with the subject it inherits; the claim itself when there is one only."""
    pieces: list[str] = []
    for piece in _HARD.split(claim.text):
        pieces.extend(_coordinated(piece))
    pieces = [piece.strip(" ,.") for piece in pieces if re.search(r"\w", piece)]
    return _with_subject(claim, pieces) if len(pieces) > 1 else [claim]


def told_apart(claim: Claim) -> list[Claim]:
    """What stands between the semicolons of a claim that has some: each a statement of its own."""
    pieces = [piece for piece in claim.text.split("; ") if re.search(r"\w", piece)]
    return _with_subject(claim, pieces) if len(pieces) > 1 else []


def _with_subject(claim: Claim, pieces: list[str]) -> list[Claim]:
    """The pieces, those that begin with a verb or a pronoun after the subject of the first."""
    verb = VERB.search(pieces[0])
    subject = pieces[0][: verb.start()].strip(" ,") if verb else ""
    found = [Claim(pieces[0], claim.about)]
    for piece in pieces[1:]:
        bare = _PRONOUN.sub("", piece)
        found.append(Claim(bare, claim.about, subject) if _VERB_FIRST.match(bare) else Claim(piece, claim.about))
    return found


def _coordinated(piece: str) -> list[str]:
    found, start = [], 0
    for match in _AND.finditer(piece):
        if _VERB_FIRST.match(piece, match.end()) and VERB.search(piece, start, match.start()):
            found.append(piece[start : match.start()])
            start = match.end()
    return [*found, piece[start:]]
