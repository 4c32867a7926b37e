"""The evidence composer: a differential written without a language model.

Every statement puts the case's own words beside an exact quote of the evidence. It never paraphrases, so it cannot say
more than its citation does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cdss.reasoning.matching import (
    Finding,
    Match,
    Sentence,
    best_of,
    findings_of,
    information_of,
    matches_of,
    sentences_of,
    unexplained,
)
from cdss.reasoning.other_diseases import OtherDiseases
from cdss.reasoning.patients import ANYONE, Patient
from cdss.reasoning.populations import distance, populations
from cdss.reasoning.separating import Separating, separating
from cdss.reasoning.types import Candidate, CaseInput, CitationDraft, DiagnosisDraft, EvidenceText, StatementDraft
from retrieval.terms import finding_tokens

WRITER = "composer"
# How far from every age that is called usual, as `distance` counts: 16 and 30 years are so far apart.
UNUSUAL = 0.5
# Before the whole finding, where a source speaks of a part of it.
IN_FULL = ", as"
# Before the finding that tells the first diagnoses apart.
SEPARATES = "Whether there is"
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


def compose(
    *, case: CaseInput, candidates: Sequence[Candidate], sources: Sources, patient: Patient = ANYONE
) -> list[DiagnosisDraft]:
    read = {item: sentences_of(evidence) for item, evidence in sources.evidence.items()}
    information = information_of([sentence for found in read.values() for sentence in found])
    findings = findings_of(case)
    described = [_described(candidate, sources, read) for candidate in candidates]
    drafts = [
        _diagnosis(candidate, findings, sources, own, information, list(_unusual_age(own, patient, case.age)))
        for candidate, own in zip(candidates, described, strict=True)
    ]
    chances = [candidate.probability or 0.0 for candidate in candidates]
    best = separating(chances, described, frozenset(finding_tokens(case.text)))
    if best is None:
        return drafts
    # It stands with the first diagnosis that it is stated of.
    first = min(best.stated)
    return [_with_first_step(draft, best) if place == first else draft for place, draft in enumerate(drafts)]


def _described(candidate: Candidate, sources: Sources, read: Mapping[int, Sequence[Sentence]]) -> list[Sentence]:
    about = [item for item in candidate.items if candidate.concept in sources.about.get(item, ())]
    others = OtherDiseases(
        candidate.name, [name for key, names in sources.names.items() if key != candidate.concept for name in names]
    )
    return [sentence for item in about for sentence in read.get(item, ()) if not others.has(sentence.text)]


def _diagnosis(
    candidate: Candidate,
    findings: Sequence[Finding],
    sources: Sources,
    described: Sequence[Sentence],
    information: Mapping[str, float],
    of_age: Sequence[StatementDraft],
) -> DiagnosisDraft:
    matches = best_of(matches_of(findings, described, information))
    statements = [_matched(match) for match in matches]
    met = {match.finding for match in matches if match.stance == "for"}
    left = [finding for finding in findings if finding not in met]
    if not any(statement.stance == "for" for statement in statements):
        statements = [*_without_a_match(candidate, sources, described), *statements]
    statements += [*of_age, *_next_step(described)]
    return DiagnosisDraft(
        name=candidate.name,
        concept=candidate.concept,
        score=candidate.score,
        statements=statements,
        likelihood=candidate.likelihood,
        probability=candidate.probability,
        codes=candidate.codes,
        must_not_miss=candidate.must_not_miss,
        unexplained=[finding.text for finding in unexplained(left, described, information)] if described else (),
    )


def _with_first_step(draft: DiagnosisDraft, best: Separating) -> DiagnosisDraft:
    """The finding that tells most takes the place of whatever test a source happens to recommend."""
    stated = [best.stated[place].sentence for place in sorted(best.stated)]
    said = " ".join(
        f"{'The' if not place else 'Another'} source states “{each.text}”." for place, each in enumerate(stated)
    )
    step = StatementDraft(f"{SEPARATES} “{best.finding}”. {said}", "next", [_citation(each) for each in stated])
    return replace(draft, statements=[*(one for one in draft.statements if one.stance != "next"), step])


def _matched(match: Match) -> StatementDraft:
    verb = "denies" if match.finding.denied else "reports"
    finding = f"“{match.part}”{IN_FULL} “{match.finding.text}”" if match.part else f"“{match.finding.text}”"
    text = f"This case {verb} {finding}; the source states “{match.sentence.text}”."
    return StatementDraft(text=text, stance=match.stance, citations=[_citation(match.sentence)])


def _unusual_age(described: Sequence[Sentence], patient: Patient, age: str) -> Iterator[StatementDraft]:
    """The usual age nearest to the patient's, where all that are named are far from it."""
    if patient.years is None:
        return
    texts = {sentence.evidence.label: sentence.evidence for sentence in described if sentence.evidence.kind != "case"}
    places = {sentence.place: sentence for sentence in described}
    named = [
        (distance(patient.years, population.ages), places[label, population.start])
        for label, evidence in texts.items()
        for population in populations(evidence.text)
        if population.usual and population.ages and (label, population.start) in places
    ]
    far, sentence = min(named, key=lambda one: (one[0], one[1].place), default=(0.0, None))
    if sentence and far > UNUSUAL:
        said = f"{age} years old" if age.strip().isdigit() else age
        text = f"This case reports “{said}”; the source states “{sentence.text}”."
        yield StatementDraft(text, "against", [_citation(sentence)])


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
