"""True and false claims made from real sentences, to measure the gate with.

Pure functions of a sentence: the same sentence gives the same claims. The word lists are not those of the gate, but
they share words with them: of free paraphrases the gate refuses more true ones than these figures show.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cdss.reasoning.perturb import bad, good
from cdss.reasoning.perturb.picking import by_pattern, chosen, first_of
from cdss.reasoning.perturb.words import ANTONYMS, BRITISH, RAISED_CERTAINTY, RAISED_QUANTIFIER, SIDES

Truth = Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class Perturbed:
    claim: str
    kind: str
    truth: Truth


def good_claims(sentence: str) -> list[Perturbed]:
    """Claims that say what the sentence says, or less."""
    makers: Sequence[tuple[str, Callable[[str], str | None]]] = (
        ("verbatim", lambda text: text),
        ("clause-dropped", good.clause_dropped),
        ("reordered", good.reordered),
        ("list-reordered", good.list_reordered),
        ("synonym", good.synonym),
        ("spelling", lambda text: first_of(text, BRITISH, whole=False)),
        ("plural", good.plural),
        ("voice", good.voice),
        ("unit-converted", good.unit_converted),
        ("weakened", good.weakened),
    )
    return _made(sentence, makers, "good")


def bad_claims(sentence: str, *, names: Sequence[str] = (), others: Sequence[str] = ()) -> list[Perturbed]:
    """Claims that the sentence does not make. `names`: diseases to swap in; `others`: sentences from elsewhere."""
    makers: Sequence[tuple[str, Callable[[str], str | None]]] = (
        ("negation", bad.negation_flipped),
        ("laterality", lambda text: first_of(text, SIDES)),
        ("number", bad.number_changed),
        ("unit", bad.unit_changed),
        ("disease", lambda text: bad.disease_swapped(text, names)),
        ("certainty", lambda text: by_pattern(text, RAISED_CERTAINTY)),
        ("quantifier", lambda text: by_pattern(text, RAISED_QUANTIFIER)),
        ("antonym", lambda text: first_of(text, ANTONYMS)),
        ("swapped", bad.swapped),
        ("addition", lambda text: bad.with_addition(text, others)),
        ("elsewhere", lambda text: chosen(others, text)),
    )
    return _made(sentence, makers, "bad")


def altered_quote(quote: str) -> str | None:
    """The quote with one of its words exchanged."""
    for change in (bad.number_changed, lambda text: first_of(text, ANTONYMS), bad.negation_flipped):
        if (made := change(quote)) and made != quote:
            return made
    return None


def _made(sentence: str, makers: Sequence[tuple[str, Callable[[str], str | None]]], truth: Truth) -> list[Perturbed]:
    found = []
    for kind, make in makers:
        claim = make(sentence)
        if claim and (claim != sentence or kind == "verbatim"):
            found.append(Perturbed(claim, kind, truth))
    return found
