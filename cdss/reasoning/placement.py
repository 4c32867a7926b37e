"""Whether a statement speaks of the diagnosis it stands for: a true sentence about another one is no support."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cdss.reasoning.concepts import concept_of, looks_like_a_diagnosis, synonyms_of
from cdss.reasoning.other_diseases import SUBJECT_WORDS
from cdss.reasoning.plain_words import PLAIN_WORDS
from cdss.reasoning.types import CaseInput, DiagnosisDraft, EvidenceText, StatementDraft
from retrieval.terms import tokens

MISPLACED = "speaks of another diagnosis"
# Of the case, or of a source as such: what such a sentence says of a disease stands in its quote.
_OF_THE_CASE = re.compile(
    r"(?:in )?(?:this|the|our|his|her|an?) (?:\d+|case|patient|source|man|woman|boy|girl|child|infant)\b", re.IGNORECASE
)
# "Such a finding is typical of …": the disease that is spoken of comes last.
_BELONGS = frozenset(
    tokens(
        "typical characteristic pathognomonic diagnostic specific classic hallmark sign feature finding manifestation "
        "suggests suggestive indicates indicative points favours seen found common frequent consistent compatible"
    )
)
_BELONGS_WITHIN = 3
_CONTRAST = frozenset(("unlike", "contrast", "contrary", "conversely"))
SHORTEST_NAME = 4


@dataclass(frozen=True, slots=True)
class Disease:
    """A diagnosis as a text may name it: the words of each of its names."""

    names: frozenset[frozenset[str]]
    icd: str

    def is_kin(self, other: "Disease") -> bool:
        """The same, a kind of the other, or what the other is a kind of."""
        if self.icd and other.icd and (self.icd.startswith(other.icd) or other.icd.startswith(self.icd)):
            return True
        return any(mine <= theirs or theirs <= mine for mine in self.names for theirs in other.names)

    def place(self, words: Sequence[str]) -> int | None:
        """Where its first name stands, its words together in any order."""
        places = (_place(name, words) for name in self.names)
        return min((place for place in places if place is not None), default=None)


@dataclass(frozen=True, slots=True)
class Listed:
    """What the diseases of a differential and of its evidence are called, which pieces of evidence are on which, and
    the texts of these."""

    diseases: Sequence[Disease]
    evidence: Mapping[str, Disease]
    texts: Mapping[str, str]
    case: Sequence[str]


def listed(diagnoses: Iterable[DiagnosisDraft], evidence: Iterable[EvidenceText], case: CaseInput) -> Listed:
    read = list(evidence)
    about = {text.label: _disease(name) for text in read if (name := _subject_of(text))}
    texts = {text.label: text.text for text in read if text.label in about}
    found = {disease.names: disease for disease in (*about.values(), *(_disease(draft.name) for draft in diagnoses))}
    return Listed([disease for disease in found.values() if disease.names], about, texts, tokens(case.text))


def placed(
    statement: StatementDraft, *, diagnosis: str, among: Listed, chosen_by_model: bool = False
) -> StatementDraft:
    """The statement, not supported when it stands for a diagnosis and speaks of another.

    A model may choose a source that has nothing to do with the diagnosis: its texts have to name it.
    """
    if statement.stance != "for" or statement.support == "unsupported":
        return statement
    own = _disease(diagnosis, with_short_names=True)
    quotes = [tokens(citation.quote) for citation in statement.citations]
    if any(own.place(words) is not None for words in quotes):
        return statement
    others = [disease for disease in among.diseases if not disease.is_kin(own)]
    read = [among.evidence.get(citation.evidence) for citation in statement.citations]
    is_at_home = all(disease and disease.is_kin(own) for disease in read)
    texts = quotes if _OF_THE_CASE.match(statement.text) else [tokens(statement.text), *quotes]
    if is_at_home:
        # A text on this disease names others as its signs and its company; it turns to one that it begins with.
        strangers = [disease for disease in others if disease.place(among.case) is None]
        astray = any(_begins_with(words, strangers) for words in texts)
    else:
        astray = any(_speaks_of(words, others, own) for words in texts)
        astray |= chosen_by_model and all(_is_on_another(each.evidence, own, among) for each in statement.citations)
    return replace(statement, support="unsupported", reasons=(*statement.reasons, MISPLACED)) if astray else statement


def _is_on_another(label: str, own: Disease, among: Listed) -> bool:
    disease = among.evidence.get(label)
    # A title without a code may be of a method, or of a group of diseases.
    if disease is None or not disease.icd or disease.is_kin(own):
        return False
    return own.place(tokens(among.texts[label])) is None


def _subject_of(text: EvidenceText) -> str:
    if text.kind == "case":
        return str(text.details.get("diagnosis") or "")
    return text.title if looks_like_a_diagnosis(text.title) else ""


def _disease(name: str, *, with_short_names: bool = False) -> Disease:
    concept = concept_of(name)
    folded = [frozenset(other.split()) for other in synonyms_of(concept.key)] if concept else []
    names = [frozenset(tokens(name)), *folded]
    # "PE" is a physical examination in one text and an embolism in the next.
    kept = [words for words in names if with_short_names or len("".join(words)) >= SHORTEST_NAME]
    # A name of nothing but places and techniques names no disease.
    return Disease(
        frozenset(words for words in kept if words - PLAIN_WORDS), concept.codes.get("icd10cm", "") if concept else ""
    )


def _speaks_of(words: Sequence[str], others: Iterable[Disease], own: Disease) -> bool:
    mine = own.place(words)
    for other in others:
        place = other.place(words)
        if place is None or (mine is not None and mine <= place):
            continue
        before = words[max(0, place - _BELONGS_WITHIN) : place]
        if place < SUBJECT_WORDS or not _BELONGS.isdisjoint(before):
            return True
    return False


def _begins_with(words: Sequence[str], others: Iterable[Disease]) -> bool:
    start = 1 if words and words[0] in _CONTRAST else 0
    return any(other.place(words) == start for other in others)


def _place(name: frozenset[str], words: Sequence[str]) -> int | None:
    size = len(name)
    return next((n for n in range(len(words) - size + 1) if name == frozenset(words[n : n + size])), None)
