"""True and false claims made from real sentences, to measure the gate with.

Pure functions of a sentence and what stands around it: the same sentence gives the same claims. The word lists are not
those of the gate, but they share words with them; the ontology's synonyms are a list the gate has no hand in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cdss.reasoning.perturb import bad, good, rewording, turned
from cdss.reasoning.perturb.picking import by_pattern, chosen, first_of
from cdss.reasoning.perturb.words import ANTONYMS, BRITISH, RAISED_CERTAINTY, RAISED_QUANTIFIER, SIDES

Truth = Literal["good", "bad"]
_Makers = Sequence[tuple[str, Callable[[str], str | None]]]


@dataclass(frozen=True, slots=True)
class Perturbed:
    claim: str
    kind: str
    truth: Truth


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a claim is made from beside its sentence.

    `names`: diseases to swap in. `others`: sentences of other documents. `passage`: the sentences of the same passage.
    `beside`: sentences of the same document that are not in the passage.
    """

    names: Sequence[str] = ()
    others: Sequence[str] = ()
    passage: Sequence[str] = ()
    beside: Sequence[str] = ()

    def following(self, sentence: str) -> str | None:
        places = [place for place, one in enumerate(self.passage) if one == sentence]
        return self.passage[places[0] + 1] if places and places[0] + 1 < len(self.passage) else None


def good_claims(sentence: str, around: Surroundings | None = None) -> list[Perturbed]:
    """Claims that say what the sentence says, or less."""
    given = around or Surroundings()
    makers: _Makers = (
        ("verbatim", lambda text: text),
        ("clause-dropped", good.clause_dropped),
        ("reordered", lambda text: good.reordered(text) or rewording.fronted(text)),
        ("list-reordered", good.list_reordered),
        ("synonym", good.synonym),
        ("reworded", rewording.reworded),
        ("vocabulary", rewording.vocabulary),
        ("abbreviation", rewording.abbreviation),
        ("spelling", lambda text: first_of(text, BRITISH, whole=False)),
        ("plural", good.plural),
        ("voice", lambda text: good.voice(text) or rewording.active(text)),
        ("unit-converted", good.unit_converted),
        ("numeral", rewording.numeral),
        ("weakened", good.weakened),
        ("extracted", rewording.extracted),
        ("framed", rewording.framed),
        ("merged", lambda text: rewording.merged(text, given.following(text))),
    )
    return _made(sentence, makers, "good")


def bad_claims(sentence: str, around: Surroundings | None = None) -> list[Perturbed]:
    """Claims that the sentence, and the passage it stands in, do not make."""
    given = around or Surroundings()
    makers: _Makers = (
        ("negation", bad.negation_flipped),
        ("laterality", lambda text: first_of(text, SIDES)),
        ("number", bad.number_changed),
        ("unit", bad.unit_changed),
        ("disease", lambda text: bad.disease_swapped(text, given.names)),
        ("certainty", lambda text: by_pattern(text, RAISED_CERTAINTY)),
        ("quantifier", lambda text: by_pattern(text, RAISED_QUANTIFIER)),
        ("superlative", turned.superlative),
        ("antonym", lambda text: first_of(text, ANTONYMS)),
        ("swapped", bad.swapped),
        ("comparison", turned.comparison),
        ("cause", turned.cause),
        ("advice", turned.advice),
        ("population", turned.population),
        ("time", turned.time),
        ("modality", turned.modality),
        ("body-part", turned.body_part),
        ("recombined", lambda text: turned.recombined(text, given.passage)),
        ("addition", lambda text: bad.with_addition(text, given.others)),
        ("same-document", lambda text: chosen(given.beside, text)),
        ("elsewhere", lambda text: chosen(given.others, text)),
    )
    return _made(sentence, makers, "bad")


def altered_quote(quote: str) -> str | None:
    """The quote with one of its words exchanged."""
    for change in (bad.number_changed, lambda text: first_of(text, ANTONYMS), bad.negation_flipped):
        if (made := change(quote)) and made != quote:
            return made
    return None


def _made(sentence: str, makers: _Makers, truth: Truth) -> list[Perturbed]:
    found = []
    for kind, make in makers:
        claim = make(sentence)
        if claim and (claim != sentence or kind == "verbatim"):
            found.append(Perturbed(claim, kind, truth))
    return found
