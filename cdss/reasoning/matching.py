"""Which sentence of the evidence speaks of which finding of the case, and whether for or against."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cdss.reasoning.parts import OPEN, content_words, elsewhere, head_of, is_stated, telling, turned
from cdss.reasoning.plain_words import PERSON, PLAIN_WORDS
from cdss.reasoning.regions import all_far_apart, regions_about, regions_named, regions_of, regions_of_case, share_none
from cdss.reasoning.roles import is_feature, is_only_compared
from cdss.reasoning.types import CaseInput, EvidenceText, Stance
from cdss.reasoning.understanding import PARTS, read_case
from retrieval.terms import assertions, laterality, sentences
from retrieval.terms import finding_tokens as tokens
from retrieval.terms.places import anatomy

MAX_FOR = 3
MAX_AGAINST = 2
# The share of a finding's information (inverse document frequency) a sentence has to repeat to speak of it.
MIN_OVERLAP = 0.6
# … and how much that is at least, as a share of what a word can tell that stands in one sentence only.
MIN_SHARED_INFORMATION = 0.45
QUOTE_LIMIT = 320
# Letters from which a word of a title begins with a capital.
HEADLINE_WORD = 3
# Texts of which the reading is kept.
KEPT_TEXTS = 512
# What a text says of a disease in general speaks louder than what one other patient had.
DOCUMENT_FIRST = 1.25
ABSENT_IN_BOTH = 0.5
# A text mentions a finding that shares this much of its information, wherever in the text.
MENTIONED = 0.5
ROUNDING = 1e-9
MAX_UNEXPLAINED = 4
# What the patient had before says less than what is there now.
PAST = 0.5
# A source that tells of a part of a finding says less than one that tells of all of it.
A_PART = 0.8
# What a person set right is looked for first.
BY_HAND = 2.0
_SIDES = {"left": "right", "right": "left"}
# Sections of a prior case that describe it; the rest of it (treatment, how it was confirmed) speaks for nothing here.
_CASE_SECTIONS = ("History", "Exam", "Findings", "Discussion", "Images")
_HEADING = re.compile(r"^(?P<name>[A-Z][A-Za-z ]{2,30}):[ \t]*$", re.MULTILINE)

# A sentence: from, to, its words, and those it affirms and denies.
_Told = tuple[int, int, frozenset[str], frozenset[str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    text: str
    words: frozenset[str]
    denied: bool
    side: str | None
    past: bool = False
    by_hand: bool = False
    organs: frozenset[str] = frozenset()
    # Where it is: by its organs, or else as the whole case.
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sentence:
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

    @property
    def regions(self) -> frozenset[str]:
        """Of the organs it names, or else of what the whole text is about."""
        return regions_named(self.text) or regions_about(self.evidence.text)


@dataclass(frozen=True, slots=True)
class Match:
    score: float
    stance: Stance
    finding: Finding
    sentence: Sentence
    # The words of the finding that the sentence speaks of, where it does not speak of all of it.
    part: str = ""


def findings_of(case: CaseInput) -> list[Finding]:
    """What the case reports and denies, corrections included; what is uncertain speaks for nothing."""
    found: dict[frozenset[str], Finding] = {}
    whole = regions_of_case(case)
    for one in sorted(read_case(case).findings, key=lambda one: (not one.by_hand, -PARTS.index(one.part))):
        words = frozenset(tokens(one.text))
        if words - PLAIN_WORDS and one.assertion != "uncertain":
            denied, past = one.assertion == "denied", one.assertion == "historical"
            organs = frozenset(one.anatomy)
            regions = regions_of(organs) or whole
            finding = Finding(one.text.strip(), words, denied, one.laterality, past, one.by_hand, organs, regions)
            found.setdefault(words, finding)
    return list(found.values())


def sentences_of(evidence: EvidenceText) -> list[Sentence]:
    return [Sentence(evidence, *read) for read in _read(evidence.kind, evidence.text)]


# The same few hundred texts come again and again, and reading one takes longer than all the rest that is done with it.
@lru_cache(maxsize=KEPT_TEXTS)
def _read(kind: str, text: str) -> tuple[_Told, ...]:
    return tuple(_told(kind, text))


def _told(kind: str, text: str) -> Iterator[_Told]:
    for span in sentences(text):
        if kind == "case" and section_at(text, span.start) not in _CASE_SECTIONS:
            continue
        words = frozenset(tokens(span.text))
        if len(words) < 3 or span.end - span.start > QUOTE_LIMIT:
            continue
        if kind != "case" and _is_headline(span.text):
            continue
        told = assertions(span.text)
        affirmed = frozenset(word for part in told if part.polarity == "affirmed" for word in tokens(part.text))
        denied = frozenset(word for part in told if part.polarity == "denied" for word in tokens(part.text))
        yield span.start, span.end, words, affirmed, denied - affirmed


def _is_headline(text: str) -> bool:
    """The title of a section says of what it speaks, and states nothing."""
    words = [word for word in text.split() if len(word) > HEADLINE_WORD]
    return not text.rstrip().endswith((".", "!", "?", ";")) and all(word[0].isupper() for word in words)


def section_at(text: str, position: int) -> str:
    name = ""
    for heading in _HEADING.finditer(text):
        if heading.start() > position:
            break
        name = heading["name"]
    return name


def information_of(read: Sequence[Sentence]) -> dict[str, float]:
    seen = Counter(word for sentence in read for word in sentence.words)
    return {word: math.log((len(read) + 1) / (count + 0.5)) for word, count in seen.items()}


def matches_of(
    findings: Sequence[Finding], described: Sequence[Sentence], information: Mapping[str, float]
) -> Iterator[Match]:
    most = max(information.values(), default=0.0)
    for finding in findings:
        # Where a finding is and how large counts only in its favour: a text on the disease seldom names the same.
        whole, enough = _needed(finding, information, most)
        head = frozenset[str]() if finding.denied or finding.past else content_words(head_of(finding.text))
        for sentence in described:
            shared = finding.words & sentence.words
            # The same number is the same finding by chance.
            weight = sum(information[word] for word in telling(shared))
            if not shared or weight < MIN_SHARED_INFORMATION * most or _other_side(finding, sentence):
                continue
            if enough > MIN_OVERLAP and turned(finding.words, sentence.words):
                continue
            if _of_another_place(finding, sentence, shared, information, most):
                continue
            if weight >= enough * whole - ROUNDING:
                if stance := _stance(finding, sentence, shared):
                    yield Match(_score(finding, stance, sentence, weight / whole, shared), stance, finding, sentence)
            elif head and head <= shared and _states_part(finding, head, sentence):
                weight = sum(information[word] for word in head - PLAIN_WORDS)
                if weight >= MIN_SHARED_INFORMATION * most:
                    score = A_PART * _score(finding, "for", sentence, weight / whole, head)
                    yield Match(score, "for", finding, sentence, head_of(finding.text))


def _needed(finding: Finding, information: Mapping[str, float], most: float) -> tuple[float, float]:
    """The information of a finding, and the share of it that a sentence has to repeat.

    A size is in no text on the disease: without it, all the rest has to be there.
    """
    words, enough = finding.words - PLAIN_WORDS, MIN_OVERLAP
    if len(said := telling(words)) > 1 and len(said) < len(words):
        words, enough = said, 1.0
    return sum(information.get(word, most) for word in words), enough


def _of_another_place(
    finding: Finding, sentence: Sentence, shared: frozenset[str], information: Mapping[str, float], most: float
) -> bool:
    """Pain in the neck is none at the knee, and a mass of the lung none of the kidney."""
    if all_far_apart(regions_of(finding.organs), regions_named(sentence.text)):
        return True
    if not telling(shared) <= OPEN:
        return False
    # Words that fit most diseases are a finding with all that is said beside them, and where it is.
    said = content_words(finding.text) - PERSON
    whole = sum(information.get(word, most) for word in said)
    is_less = sum(information[word] for word in said & shared) < MIN_OVERLAP * whole - ROUNDING
    return is_less or share_none(finding.regions, sentence.regions)


def _score(finding: Finding, stance: Stance, sentence: Sentence, share: float, shared: frozenset[str]) -> float:
    kind = 1.0 if sentence.evidence.kind == "case" else DOCUMENT_FIRST
    # What neither has says little: most patients lack most findings.
    kind *= ABSENT_IN_BOTH if finding.denied and stance == "for" else PAST if finding.past else 1.0
    kind *= BY_HAND if finding.by_hand else 1.0
    return kind * (share + len(shared) / 10)


def _states_part(finding: Finding, head: frozenset[str], sentence: Sentence) -> bool:
    return (
        is_stated(head, sentence.text)
        and is_feature(sentence.text, head)
        and not elsewhere(finding.organs, sentence.text)
        and not turned(finding.words, sentence.words)
    )


def unexplained(
    findings: Sequence[Finding], described: Sequence[Sentence], information: Mapping[str, float]
) -> list[Finding]:
    """Findings that are there now and that no sentence mentions, the most telling few in the order of the case."""
    most = max(information.values(), default=0.0)
    left: list[tuple[float, int]] = []
    for place, finding in enumerate(findings):
        words = telling(finding.words)
        said = {
            word
            for sentence in described
            if not _of_another_place(finding, sentence, finding.words & sentence.words, information, most)
            for word in sentence.words
        }
        whole = sum(information.get(word, most) for word in words)
        mentioned = sum(information.get(word, most) for word in words & said)
        if not finding.denied and not finding.past and mentioned < MENTIONED * whole:
            left.append((-whole, place))
    return [findings[place] for place in sorted(place for _, place in sorted(left)[:MAX_UNEXPLAINED])]


def _other_side(finding: Finding, sentence: Sentence) -> bool:
    return _SIDES.get(finding.side or "") is not None and laterality(sentence.text) == _SIDES[finding.side or ""]


def _denied_elsewhere(finding: Finding, sentence: Sentence) -> bool:
    """No calcification of the hilum says nothing of calcification inside a nodule."""
    return finding.denied and not finding.organs <= set(anatomy(sentence.text))


def _stance(finding: Finding, sentence: Sentence, shared: frozenset[str]) -> Stance | None:
    said = len(shared & sentence.affirmed)
    unsaid = len(shared & sentence.denied)
    if said == unsaid or _denied_elsewhere(finding, sentence):
        return None
    if (said > unsaid) == finding.denied:
        # Who had no fracture may well have what follows one.
        is_missed = not finding.denied or is_feature(sentence.text, telling(shared))
        return "against" if is_missed else None
    return None if is_only_compared(sentence.text, telling(shared)) else "for"


def best_of(matches: Iterator[Match]) -> list[Match]:
    """The strongest of each stance; a sentence is used once, and a finding too, unless another source says the opposite
    of it: what speaks against is not left out because something speaks for it."""
    chosen: list[Match] = []
    room = {"for": MAX_FOR, "against": MAX_AGAINST}
    for match in sorted(matches, key=lambda match: (-match.score, match.sentence.place)):
        if room[match.stance] and not any(_uses_again(match, other) for other in chosen):
            room[match.stance] -= 1
            chosen.append(match)
    return sorted(chosen, key=lambda match: match.stance != "for")


def _uses_again(match: Match, other: Match) -> bool:
    if match.sentence.place == other.sentence.place:
        return True
    opposed = match.stance != other.stance and match.sentence.evidence.label != other.sentence.evidence.label
    return match.finding is other.finding and not opposed
