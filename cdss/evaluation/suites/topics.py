"""From the text of a case to the text about its disease, among all literature of the library."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cdss.evaluation.baselines import LANGCHAIN, plain_rankings
from cdss.evaluation.figures import PRODUCT, Result, ranked_figures
from cdss.evaluation.langchain_baseline import NOT_INSTALLED
from cdss.evaluation.workbench import Workbench
from cdss.indexing.searching import search_library_each
from cdss.indexing.taught.lessons import topic_documents
from retrieval.types import Query

DEPTHS = (1, 5, 10)
SEARCHED = 50
QUERIES_AT_ONCE = 16


def run(bench: Workbench) -> Result:
    wanted = topic_documents([(each.topic, each.topic_title or each.diagnosis) for each in bench.cases])
    places = [place for place, items in enumerate(wanted) if items]
    result = Result()
    if len(places) < len(bench.cases):
        result.notes.append(f"{len(bench.cases) - len(places)} cases have no text about their topic in the library.")
    if not places:
        return result
    asked = bench.asked(places)
    golds = [wanted[place] for place in places]
    for system, ranked in _rankings(bench, places).items():
        ranks = [rank_of(items, gold) for items, gold in zip(ranked, golds, strict=True)]
        result.figures += ranked_figures(asked, system, ranks, DEPTHS)
    if LANGCHAIN not in {figure.system for figure in result.figures}:
        result.notes.append(NOT_INSTALLED)
    return result


def rank_of(items: Sequence[int], gold: Collection[int]) -> int | None:
    return next((rank for rank, item in enumerate(items, start=1) if item in gold), None)


def _rankings(bench: Workbench, places: Sequence[int]) -> dict[str, list[list[int]]]:
    excluded = [bench.excluded[place] for place in places]
    texts = [bench.texts[place] for place in places]
    queries = [
        Query(text=text, kinds=("literature",), k=SEARCHED, excluded=left_out)
        for text, left_out in zip(texts, excluded, strict=True)
    ]
    found: list[list[int]] = []
    for start in bench.each(range(0, len(queries), QUERIES_AT_ONCE), "searches"):
        results = search_library_each(user=None, queries=queries[start : start + QUERIES_AT_ONCE])
        found += [[hit.item for hit in each.hits] for each in results]
    plain = plain_rankings(texts, bench.vectors[list(places)], kinds=("literature",), excluded=excluded)
    return {PRODUCT: found} | {system: [items.tolist() for items in ranked] for system, ranked in plain.items()}
