"""Who rated what, and how far they agree: over everything, and on one consultation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cdss.feedback.agreement.kappa import Kappa, cohen_kappa, fleiss_kappa
from cdss.feedback.models import Feedback
from cdss.feedback.targets import Key, key_of_ids
from cdss.verdicts import AGAINST, Verdict

KINDS = ("statement", "citation", "evidence", "diagnosis", "consultation")
READ = ("statement_id", "diagnosis_id", "evidence_id", "citation_id", "consultation_id", "verdict", "user__username")
# Fewer things that were rated by more than one say nothing.
FEWEST = 2
MOST_PAIRS = 100

# Of each thing that was rated, the standing word of each rater.
Ratings = Mapping[Key, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Pair:
    one: str
    other: str
    kappa: Kappa


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one kind of thing: of all raters, word by word and for or against alone; and pair by pair."""

    kind: str
    items: int
    raters: int
    exact: Kappa
    sides: Kappa
    pairs: Sequence[Pair]


def ratings_of_all() -> dict[Key, dict[str, str]]:
    """Every rater's newest word on everything, read once."""
    rows = Feedback.objects.exclude(verdict=Verdict.FINAL).order_by("created", "pk")
    found: dict[Key, dict[str, str]] = {}
    for statement, diagnosis, evidence, citation, whole, verdict, name in rows.values_list(*READ).iterator(5000):
        key = key_of_ids(statement, diagnosis, evidence, citation, whole, verdict)
        found.setdefault(key, {})[name] = verdict
    return found


def agreements(ratings: Ratings) -> list[Agreement]:
    found = (_agreement(kind, [said for (each, _), said in ratings.items() if each == kind]) for kind in KINDS)
    return [agreement for agreement in found if agreement.items >= FEWEST]


def agreement_of_all_kinds(ratings: Ratings) -> Agreement:
    """Of one consultation there is too little of each kind: everything that was rated, together."""
    return _agreement("all", list(ratings.values()))


def _agreement(kind: str, rated: Sequence[Mapping[str, str]]) -> Agreement:
    shared = [said for said in rated if len(said) > 1]
    names = sorted({name for said in shared for name in said})
    return Agreement(
        kind=kind,
        items=len(shared),
        raters=len(names),
        exact=fleiss_kappa([Counter(said.values()) for said in shared]),
        sides=fleiss_kappa([Counter(_side(word) for word in said.values()) for said in shared]),
        pairs=_pairs(shared),
    )


def _side(verdict: str) -> str:
    return "against" if verdict in AGAINST else "for"


def _pairs(shared: Iterable[Mapping[str, str]]) -> list[Pair]:
    words: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for said in shared:
        for one, other in combinations(sorted(said), 2):
            words.setdefault((one, other), []).append((said[one], said[other]))
    often = sorted((pair for pair in words if len(words[pair]) >= FEWEST), key=lambda pair: (-len(words[pair]), pair))
    return [Pair(*pair, cohen_kappa(words[pair])) for pair in often[:MOST_PAIRS]]
