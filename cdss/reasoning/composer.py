"""The evidence composer: a differential written without a language model.

Every statement puts the case's own words beside an exact quote of the evidence. It never paraphrases, so it cannot say
more than its citation does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cdss.reasoning.matching import (
    Finding,
    Match,
    Sentence,
    best_of,
    findings_of,
    information_of,
    matches_of,
    other_diseases,
    sentences_of,
    speaks_of_another,
)
from cdss.reasoning.types import Candidate, CaseInput, CitationDraft, DiagnosisDraft, EvidenceText, StatementDraft

WRITER = "composer"
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


@dataclass(frozen=True, slots=True)
class Sources:
    """The evidence of one consultation: what each item is about, which diagnoses it merely lists, and what the
    diseases are called that any item found is about."""

    evidence: Mapping[int, EvidenceText]
    about: Mapping[int, frozenset[str]]
    listed: Mapping[int, Mapping[str, str]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


def compose(*, case: CaseInput, candidates: Sequence[Candidate], sources: Sources) -> list[DiagnosisDraft]:
    read = {item: list(sentences_of(evidence)) for item, evidence in sources.evidence.items()}
    information = information_of([sentence for found in read.values() for sentence in found])
    findings = findings_of(case)
    return [_diagnosis(candidate, findings, sources, read, information) for candidate in candidates]


def _diagnosis(
    candidate: Candidate,
    findings: Sequence[Finding],
    sources: Sources,
    read: Mapping[int, Sequence[Sentence]],
    information: Mapping[str, float],
) -> DiagnosisDraft:
    about = [item for item in candidate.items if candidate.concept in sources.about.get(item, ())]
    others = other_diseases(
        candidate.name, [name for key, names in sources.names.items() if key != candidate.concept for name in names]
    )
    described = [
        sentence
        for item in about
        for sentence in read.get(item, ())
        if not speaks_of_another(sentence, others, candidate.name)
    ]
    matches = best_of(matches_of(findings, described, information))
    statements = [_matched(match) for match in matches]
    if not any(statement.stance == "for" for statement in statements):
        statements = [*_without_a_match(candidate, sources, described), *statements]
    statements += _next_step(described)
    return DiagnosisDraft(
        name=candidate.name,
        concept=candidate.concept,
        score=candidate.score,
        statements=statements,
        likelihood=candidate.likelihood,
        probability=candidate.probability,
        codes=candidate.codes,
        must_not_miss=candidate.must_not_miss,
    )


def _matched(match: Match) -> StatementDraft:
    verb = "denies" if match.finding.denied else "reports"
    text = f"This case {verb} “{match.finding.text}”; the source states “{match.sentence.text}”."
    return StatementDraft(text=text, stance=match.stance, citations=[_citation(match.sentence)])


def _without_a_match(candidate: Candidate, sources: Sources, described: Sequence[Sentence]) -> Iterator[StatementDraft]:
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


def _next_step(described: Sequence[Sentence]) -> Iterator[StatementDraft]:
    for sentence in described:
        if sentence.evidence.kind != "case" and _TEST.search(sentence.text) and _ADVICE.search(sentence.text):
            yield StatementDraft(f"The source states “{sentence.text}”.", "next", [_citation(sentence)])
            return


def _citation(sentence: Sentence) -> CitationDraft:
    return CitationDraft(sentence.evidence.label, sentence.text, sentence.start, sentence.end)
