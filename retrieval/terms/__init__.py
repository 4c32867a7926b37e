"""Words of medical English: tokens, sentences, negation, sides, measures, names. No models, no Django, fast."""

from retrieval.terms.assertions import Assertion, Certainty, Side, assertions, hedges, laterality
from retrieval.terms.cues import Cue, Polarity, cues
from retrieval.terms.findings import PRESENCES, Finding, Presence, affirmed_text, findings, plainly, without
from retrieval.terms.measures import Measure, measures
from retrieval.terms.names import normalise_name
from retrieval.terms.spans import Span, sentences
from retrieval.terms.synonyms import finding_tokens
from retrieval.terms.words import expand, fold, plain, singular, stem, stems_and_pairs, tokens

__all__ = [
    "PRESENCES",
    "Assertion",
    "Certainty",
    "Cue",
    "Finding",
    "Measure",
    "Polarity",
    "Presence",
    "Side",
    "Span",
    "affirmed_text",
    "assertions",
    "cues",
    "expand",
    "finding_tokens",
    "findings",
    "fold",
    "hedges",
    "laterality",
    "measures",
    "normalise_name",
    "plain",
    "plainly",
    "sentences",
    "singular",
    "stem",
    "stems_and_pairs",
    "tokens",
    "without",
]
