"""Words of medical English: tokens, sentences, negation, sides, measures, names. No models, no Django, fast."""

from retrieval.terms.assertions import Assertion, Certainty, Side, assertions, hedges, laterality
from retrieval.terms.cues import Cue, Polarity, cues
from retrieval.terms.measures import Measure, measures
from retrieval.terms.names import normalise_name
from retrieval.terms.spans import Span, sentences
from retrieval.terms.words import expand, fold, plain, singular, stem, stems_and_pairs, tokens

__all__ = [
    "Assertion",
    "Certainty",
    "Cue",
    "Measure",
    "Polarity",
    "Side",
    "Span",
    "assertions",
    "cues",
    "expand",
    "fold",
    "hedges",
    "laterality",
    "measures",
    "normalise_name",
    "plain",
    "sentences",
    "singular",
    "stem",
    "stems_and_pairs",
    "tokens",
]
