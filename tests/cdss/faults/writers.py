"""Run as a program: several processes add, delete, index and search at once.

    python -m tests.cdss.faults writers PROCESSES SECONDS

Each looks after its own texts: one it deleted must never be found again, one that an index it made holds has to be.
"""

import json
import multiprocessing
import random
import time
from collections import Counter
from typing import Any

from django.db import connection

from cdss.indexing.models import IndexChange, IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.indexing.versions.checking import compared
from cdss.library.models import LibraryItem
from cdss.reasoning import concepts
from retrieval.types import Query
from tests.cdss.faults.programs import add, prepare


def found(word: str) -> set[int]:
    hits = search_library(user=None, query=Query(text=f"Report {word}", k=5)).hits
    return {hit.item for hit in hits}


def work(number: int, seconds: float, results: Any) -> None:
    rng, counts, problems = random.Random(number), Counter[str](), list[str]()
    waiting, indexed, deleted = dict[int, str](), dict[int, str](), dict[int, str]()
    until, made = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        act = rng.choices(("add", "delete", "index", "search"), (4, 2, 1, 8))[0]
        counts[act] += 1
        try:
            if act == "add":
                made += 1
                word = f"w{number}n{made}q"
                waiting[add(word, made).pk] = word
            elif act == "delete" and indexed:
                pk = rng.choice(sorted(indexed))
                LibraryItem.objects.get(pk=pk).delete()
                deleted[pk] = indexed.pop(pk)
            elif act == "index":
                before = dict(waiting)
                index_build()
                indexed |= before
                waiting = {pk: word for pk, word in waiting.items() if pk not in before}
            elif act == "search" and indexed:
                pk = rng.choice(sorted(indexed))
                if pk not in found(indexed[pk]):
                    problems.append(f"{pk} is in the index and not found")
                if deleted and (shown := set(deleted) & found(rng.choice(sorted(deleted.values())))):
                    problems.append(f"deleted and shown: {sorted(shown)}")
        except Exception as error:
            problems.append(f"{act}: {type(error).__name__} {error}"[:200])
    results.put((dict(counts), problems))


def main(processes: str, seconds: str) -> None:
    concepts.warm()
    prepare()
    index_build()
    connection.close()
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()
    workers = [context.Process(target=work, args=(number, float(seconds), results)) for number in range(int(processes))]
    for worker in workers:
        worker.start()
    outcomes = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    problems = [problem for _, found_ in outcomes for problem in found_]
    index_build()
    version = IndexVersion.objects.first()
    print(json.dumps({
        **sum((Counter(counts) for counts, _ in outcomes), Counter[str]()), "problems": len(problems),
        "locked": sum("locked" in problem for problem in problems), "first": problems[:3],
        "in_step": compared(version).in_step and not IndexChange.objects.exists(),
    }))  # fmt: skip
