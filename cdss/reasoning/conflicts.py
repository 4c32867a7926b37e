"""Where two supported statements of one diagnosis pull against each other.

Each is true to its source; together they say opposite things. That is no fault of either, so their support stays as the
gate gave it, and the conflict is a mark beside it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cdss.reasoning.matching import Finding, findings_of, section_at
from cdss.reasoning.plain_words import PLAIN_WORDS
from cdss.reasoning.types import CaseInput, CitationDraft, DiagnosisDraft, EvidenceText, StatementDraft
from retrieval.terms import assertions, finding_tokens, hedges

_OF_THE_CASE = re.compile(r"This case (?:reports|denies) (?:“[^”]+”, as )?“(?P<finding>.+?)”; ")
_OF_THE_SOURCE = re.compile(r"The source (?:states|lists) “")
# What one patient had and another had not is no contradiction; what is said of the disease is.
_GENERAL = "Discussion"
_LEFT_OPEN = ("possible", "rare")


@dataclass(frozen=True, slots=True)
class _Asserted:
    """A finding a quote affirms or denies: its words in order, without those that only say where or how."""

    source: str
    words: tuple[str, ...]
    denied: bool
    side: str | None

    def contradicts(self, other: "_Asserted") -> bool:
        if self.source == other.source or self.denied == other.denied:
            return False
        if self.side and other.side and self.side != other.side:
            return False
        denied, affirmed = (self, other) if self.denied else (other, self)
        # Who denies a calcification denies one like popcorn, and not the other way round; "mass" is not "mass effect".
        return denied.words[-1] == affirmed.words[-1] and set(denied.words) <= set(affirmed.words)


@dataclass(frozen=True, slots=True)
class _Read:
    place: int
    stance: str
    asserted: Sequence[_Asserted]
    findings: frozenset[frozenset[str]]


def with_conflicts(
    drafts: Sequence[DiagnosisDraft], evidence: Iterable[EvidenceText], case: CaseInput
) -> list[DiagnosisDraft]:
    """The diagnoses, each statement with the places of those it conflicts with."""
    sources = {text.label: text for text in evidence}
    findings = findings_of(case)
    return [replace(draft, statements=_marked(draft.statements, sources, findings)) for draft in drafts]


def _marked(
    statements: Sequence[StatementDraft], sources: Mapping[str, EvidenceText], findings: Sequence[Finding]
) -> list[StatementDraft]:
    read = [
        _read(place, statement, sources, findings)
        for place, statement in enumerate(statements)
        if statement.support == "supported" and statement.stance != "next"
    ]
    against: dict[int, set[int]] = {}
    for one, other in combinations(read, 2):
        if _used_both_ways(one, other) or _sources_disagree(one, other):
            against.setdefault(one.place, set()).add(other.place)
            against.setdefault(other.place, set()).add(one.place)
    return [replace(each, conflicts=tuple(sorted(against.get(n, ())))) for n, each in enumerate(statements)]


def _used_both_ways(one: _Read, other: _Read) -> bool:
    return one.stance != other.stance and not one.findings.isdisjoint(other.findings)


def _sources_disagree(one: _Read, other: _Read) -> bool:
    return any(mine.contradicts(theirs) for mine in one.asserted for theirs in other.asserted)


def _read(
    place: int, statement: StatementDraft, sources: Mapping[str, EvidenceText], findings: Sequence[Finding]
) -> _Read:
    return _Read(
        place=place,
        stance=statement.stance,
        asserted=[
            found
            for citation in statement.citations
            if citation.evidence in sources
            for found in _asserted(citation, sources[citation.evidence])
        ],
        findings=_findings(statement.text, findings),
    )


def _asserted(citation: CitationDraft, source: EvidenceText) -> Iterator[_Asserted]:
    if source.kind == "case" and section_at(source.text, citation.start) != _GENERAL:
        return
    if hedges(citation.quote) in _LEFT_OPEN:
        return
    for assertion in assertions(citation.quote):
        words = tuple(word for word in finding_tokens(assertion.text) if word not in PLAIN_WORDS)
        if words and assertion.polarity != "uncertain":
            yield _Asserted(source.label, words, assertion.polarity == "denied", assertion.laterality)


def _findings(text: str, findings: Sequence[Finding]) -> frozenset[frozenset[str]]:
    """The findings of the case a statement speaks of: of several that stand in it, the most precise."""
    if _OF_THE_SOURCE.match(text):
        return frozenset()
    told = _OF_THE_CASE.match(text)
    words = frozenset(finding_tokens(told["finding"] if told else text))
    used = [content for finding in findings if (content := finding.words - PLAIN_WORDS) and content <= words]
    most = max((len(content) for content in used), default=0)
    return frozenset(content for content in used if len(content) == most)
