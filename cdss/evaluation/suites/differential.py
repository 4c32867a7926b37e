"""From a case to its ranked diagnoses, through the whole consultation without a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdss.evaluation.baselines import LANGCHAIN, plain_rankings
from cdss.evaluation.cases import KnownCase
from cdss.evaluation.figures import PRODUCT, Result, ranked_figures
from cdss.evaluation.langchain_baseline import NOT_INSTALLED
from cdss.evaluation.workbench import Workbench
from cdss.library.models import Case, Kind, LibraryItem
from cdss.reasoning.candidates import names_of_document
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.icd import icd_credit
from cdss.reasoning.naming import same_as_any
from retrieval.types import KINDS, Ids

DEPTHS = (1, 3, 5, 10)
CREDITED = (1, 5)
LISTED = 10
ICD = "icd10cm"
# The names of one diagnosis of a ranking, the one shown first.
Named = tuple[str, ...]


def run(bench: Workbench) -> Result:
    rankings = {PRODUCT: named_outcomes(bench)} | bench.once("plain differentials", lambda: plain_differentials(bench))
    everyone = bench.asked(range(len(bench.cases)))
    golds = [gold_codes(known) for known in bench.cases]
    coded = [place for place, codes in enumerate(golds) if codes]
    result = Result()
    for system, ranked in rankings.items():
        ranks = [rank_among(names, known) for names, known in zip(ranked, bench.cases, strict=True)]
        result.figures += ranked_figures(everyone, system, ranks, DEPTHS, name="gold in the first {}")
        for depth in CREDITED if coded else ():
            credits = [credit(ranked[place][:depth], bench.cases[place], golds[place]) for place in coded]
            result.figures += bench.asked(coded).mean(f"ICD-10 credit in the first {depth}", system, credits)
    result.notes += _notes(bench, len(coded), rankings)
    return result


def named_outcomes(bench: Workbench) -> list[list[Named]]:
    return [[(draft.name,) for draft in outcome.diagnoses] for outcome in bench.outcomes]


def plain_differentials(bench: Workbench) -> dict[str, list[list[Named]]]:
    """What each plain ranking of the library says: the diagnoses its items are about, each once."""
    names = _names_by_item()
    plain = plain_rankings(bench.texts, bench.vectors, kinds=KINDS, excluded=bench.excluded)
    return {system: [_listed(items, names) for items in ranked] for system, ranked in plain.items()}


def rank_among(ranked: Sequence[Named], known: KnownCase) -> int | None:
    return next(
        (rank for rank, names in enumerate(ranked, 1) if any(same_as_any(name, known.names) for name in names)), None
    )


def gold_codes(known: KnownCase) -> tuple[str, ...]:
    return tuple(code for name in known.names if (code := _code(name)))


def credit(ranked: Sequence[Named], known: KnownCase, codes: Sequence[str]) -> float:
    """The best credit any of these diagnoses earns; one that has the right name earns it whole."""
    if rank_among(ranked, known):
        return 1.0
    offered = [code for names in ranked for name in names if (code := _code(name))]
    return max((icd_credit(code, gold) for code in offered for gold in codes), default=0.0)


def _code(name: str) -> str:
    concept = concept_of(name)
    return concept.codes.get(ICD, "") if concept else ""


def _listed(items: Ids, names: Mapping[int, Named]) -> list[Named]:
    found: dict[str, Named] = {}
    for item in items.tolist():
        named = names.get(item, ())
        if named and (concept := concept_of(named[0])):
            found.setdefault(concept.key, named)
            if len(found) == LISTED:
                break
    return list(found.values())


def _names_by_item() -> dict[int, Named]:
    cases = Case.objects.published().values_list("pk", "diagnosis", "topic_title")
    named = {pk: tuple(name for name in both if name) for pk, *both in cases}
    documents = LibraryItem.objects.published().exclude(kind=Kind.CASE).values_list("pk", "title")
    return named | {pk: tuple(name for name, _ in names_of_document(title)) for pk, title in documents}


def _notes(bench: Workbench, coded: int, systems: Mapping[str, object]) -> list[str]:
    abstained = sum(bool(outcome.abstention) for outcome in bench.outcomes)
    notes = [f"{abstained} of {len(bench.cases)} consultations abstained and count as not found."]
    notes.append(f"{coded} cases have a diagnosis with a code of ICD-10-CM.")
    return notes if LANGCHAIN in systems else [*notes, NOT_INSTALLED]
