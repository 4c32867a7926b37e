"""The evidence composer: a differential written without a language model.

Every statement puts the case's own words beside an exact quote of the evidence. It never paraphrases, so it cannot say
more than its citation does.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdss.reasoning.plain_words import PLAIN_WORDS
from cdss.reasoning.types import (
    Candidate,
    CaseInput,
    CitationDraft,
    DiagnosisDraft,
    EvidenceText,
    Stance,
    StatementDraft,
)
from retrieval.terms import assertions, laterality, sentences, tokens

WRITER = "composer"
MAX_FOR = 3
MAX_AGAINST = 2
# The share of a finding's information (inverse document frequency) a sentence has to repeat to speak of it.
MIN_OVERLAP = 0.6
# … and how much that is at least, as a share of what a word can tell that stands in one sentence only.
MIN_SHARED_INFORMATION = 0.45
QUOTE_LIMIT = 320
# What a text says of a disease in general speaks louder than what one other patient had.
DOCUMENT_FIRST = 1.25
_SIDES = {"left": "right", "right": "left"}

_TEST = re.compile(
    r"\b(CT|CTA|MRI?|MRA|ultrasound|sonograph\w*|radiograph\w*|angiograph\w*|biops\w+|PET|scintigraph\w*|aspiration|"
    r"endoscop\w*|bronchoscop\w*|echocardiograph\w*|culture|serolog\w*|lumbar puncture|D-dimer|histolog\w*)\b",
)
_ADVICE = re.compile(
    r"\b(should|recommend\w*|of choice|gold standard|next (step|best|test)|confirm\w*|indicated|preferred|best (seen|"
    r"evaluated|test|imaging)|most (sensitive|specific|useful)|required|differentiat\w+|distinguish\w*|helpful|"
    r"useful)\b",
    re.IGNORECASE,
)
# Sections of a prior case that describe it; the rest of it (treatment, how it was confirmed) speaks for nothing here.
_CASE_SECTIONS = ("History", "Exam", "Findings", "Discussion", "Images")
_HEADING = re.compile(r"^(?P<name>[A-Z][A-Za-z ]{2,30}):[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Finding:
    text: str
    words: frozenset[str]
    denied: bool
    side: str | None


@dataclass(frozen=True, slots=True)
class _Sentence:
    evidence: EvidenceText
    start: int
    end: int
    words: frozenset[str]
    affirmed: frozenset[str]
    denied: frozenset[str]

    @property
    def text(self) -> str:
        return self.evidence.text[self.start : self.end]

    @property
    def place(self) -> tuple[str, int]:
        return self.evidence.label, self.start


@dataclass(frozen=True, slots=True)
class _Match:
    score: float
    stance: Stance
    finding: _Finding
    sentence: _Sentence


@dataclass(frozen=True, slots=True)
class Sources:
    """The evidence of one consultation, read once: which of it is about which concept, and which merely lists it."""

    evidence: Mapping[int, EvidenceText]
    about: Mapping[int, frozenset[str]]
    listed: Mapping[int, Mapping[str, str]]


def compose(*, case: CaseInput, candidates: Sequence[Candidate], sources: Sources) -> list[DiagnosisDraft]:
    read = {item: list(_sentences(evidence)) for item, evidence in sources.evidence.items()}
    information = _information([sentence for found in read.values() for sentence in found])
    findings = _findings(case)
    return [_diagnosis(candidate, findings, sources, read, information) for candidate in candidates]


def _diagnosis(
    candidate: Candidate,
    findings: Sequence[_Finding],
    sources: Sources,
    read: Mapping[int, Sequence[_Sentence]],
    information: Mapping[str, float],
) -> DiagnosisDraft:
    about = [item for item in candidate.items if candidate.concept in sources.about.get(item, ())]
    described = [sentence for item in about for sentence in read.get(item, ())]
    matches = _best(_matches(findings, described, information))
    statements = [_matched(match) for match in matches]
    if not any(statement.stance == "for" for statement in statements):
        statements = [*_without_a_match(candidate, sources, described), *statements]
    statements += _next_step(described)
    return DiagnosisDraft(
        name=candidate.name,
        concept=candidate.concept,
        score=candidate.score,
        statements=statements,
        codes=candidate.codes,
        must_not_miss=candidate.must_not_miss,
    )


def _findings(case: CaseInput) -> list[_Finding]:
    found: dict[frozenset[str], _Finding] = {}
    for part in (case.findings, case.exam, case.history):
        for assertion in assertions(part):
            words = frozenset(tokens(assertion.text))
            if words - PLAIN_WORDS and assertion.polarity != "uncertain":
                found.setdefault(
                    words, _Finding(assertion.text.strip(), words, assertion.polarity == "denied", assertion.laterality)
                )
    return list(found.values())


def _sentences(evidence: EvidenceText) -> Iterator[_Sentence]:
    for span in sentences(evidence.text):
        if evidence.kind == "case" and _section(evidence.text, span.start) not in _CASE_SECTIONS:
            continue
        words = frozenset(tokens(span.text))
        if len(words) < 3 or span.end - span.start > QUOTE_LIMIT:
            continue
        told = assertions(span.text)
        affirmed = frozenset(word for part in told if part.polarity == "affirmed" for word in tokens(part.text))
        denied = frozenset(word for part in told if part.polarity == "denied" for word in tokens(part.text))
        yield _Sentence(evidence, span.start, span.end, words, affirmed, denied - affirmed)


def _section(text: str, position: int) -> str:
    name = ""
    for heading in _HEADING.finditer(text):
        if heading.start() > position:
            break
        name = heading["name"]
    return name


def _information(read: Sequence[_Sentence]) -> dict[str, float]:
    seen = Counter(word for sentence in read for word in sentence.words)
    return {word: math.log((len(read) + 1) / (count + 0.5)) for word, count in seen.items()}


def _matches(
    findings: Sequence[_Finding], described: Sequence[_Sentence], information: Mapping[str, float]
) -> Iterator[_Match]:
    most = max(information.values(), default=0.0)
    for finding in findings:
        # Where a finding is counts only in its favour: a text on the disease seldom names the same lobe.
        whole = sum(information.get(word, most) for word in finding.words - PLAIN_WORDS)
        for sentence in described:
            shared = finding.words & sentence.words
            weight = sum(information[word] for word in shared - PLAIN_WORDS)
            if weight < max(MIN_SHARED_INFORMATION * most, MIN_OVERLAP * whole):
                continue
            stance = None if _other_side(finding, sentence) else _stance(finding, sentence, shared)
            if stance:
                kind = 1.0 if sentence.evidence.kind == "case" else DOCUMENT_FIRST
                yield _Match(kind * (weight / whole + len(shared) / 10), stance, finding, sentence)


def _other_side(finding: _Finding, sentence: _Sentence) -> bool:
    return _SIDES.get(finding.side or "") is not None and laterality(sentence.text) == _SIDES[finding.side or ""]


def _stance(finding: _Finding, sentence: _Sentence, shared: frozenset[str]) -> Stance | None:
    said = len(shared & sentence.affirmed)
    unsaid = len(shared & sentence.denied)
    if said == unsaid:
        return None
    return "for" if (said > unsaid) != finding.denied else "against"


def _best(matches: Iterator[_Match]) -> list[_Match]:
    """The strongest of each stance; a finding and a sentence are used once."""
    chosen: list[_Match] = []
    room = {"for": MAX_FOR, "against": MAX_AGAINST}
    for match in sorted(matches, key=lambda match: (-match.score, match.sentence.place)):
        taken = any(other.finding is match.finding or other.sentence.place == match.sentence.place for other in chosen)
        if not taken and room[match.stance]:
            room[match.stance] -= 1
            chosen.append(match)
    return sorted(chosen, key=lambda match: match.stance != "for")


def _matched(match: _Match) -> StatementDraft:
    verb = "denies" if match.finding.denied else "reports"
    text = f"This case {verb} “{match.finding.text}”; the source states “{match.sentence.text}”."
    return StatementDraft(text=text, stance=match.stance, citations=[_citation(match.sentence)])


def _without_a_match(
    candidate: Candidate, sources: Sources, described: Sequence[_Sentence]
) -> Iterator[StatementDraft]:
    """What there is to say when no finding of the case meets a sentence: where the candidate came from."""
    if described:
        first = described[0]
        yield StatementDraft(f"The source states “{first.text}”.", "for", [_citation(first)])
        return
    for item in candidate.items:
        evidence, name = sources.evidence.get(item), sources.listed.get(item, {}).get(candidate.concept)
        start = evidence.text.find(name) if evidence and name else -1
        if evidence and name and start >= 0:
            text = f"The source lists “{name}”."
            yield StatementDraft(text, "for", [CitationDraft(evidence.label, name, start, start + len(name))])
            return


def _next_step(described: Sequence[_Sentence]) -> Iterator[StatementDraft]:
    for sentence in described:
        if sentence.evidence.kind != "case" and _TEST.search(sentence.text) and _ADVICE.search(sentence.text):
            yield StatementDraft(f"The source states “{sentence.text}”.", "next", [_citation(sentence)])
            return


def _citation(sentence: _Sentence) -> CitationDraft:
    return CitationDraft(sentence.evidence.label, sentence.text, sentence.start, sentence.end)
