"""Making an index, and reading a stored one in a process of its own: seconds, and what it then holds in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cdss.indexing.benchmarks.data import drawn
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row
from cdss.indexing.benchmarks.vectors import index_of, made, tuning_of

_LANGCHAIN_UP_TO = 100_000
# Each reads in a process of its own, where nothing is warm but the file cache.
_READ = """
import hashlib, json, sys, time
from pathlib import Path
kind, folder = sys.argv[1], Path(sys.argv[2])
def held():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024
import faiss
if kind == "LangChain FAISS":
    from langchain_community.vectorstores import FAISS
elif kind not in ("FAISS Flat",):
    from retrieval.index.faiss import FaissIndex
before, start = held(), time.perf_counter()
if kind == "FAISS Flat":
    index = faiss.read_index(str(folder / "flat"))
elif kind == "LangChain FAISS":
    index = FAISS.load_local(str(folder / "langchain"), lambda text: [], allow_dangerous_deserialization=True)
else:
    files = {path.suffix: path.read_bytes() for path in (folder / "ours.faiss", folder / "ours.lists") if path.exists()}
    for data in files.values():
        hashlib.sha256(data).hexdigest()
    index = FaissIndex.from_bytes(files[".faiss"], kind=kind, lists=files.get(".lists", b""))
    del files, data
print(json.dumps([(time.perf_counter() - start) * 1000, held() - before]))
"""


def measure_build(bench: Bench) -> Outcome:
    """Training, adding, and finding out how much a search has to do, on every core of this process."""
    # The one that other rows of this run search.
    index = index_of("clustered", bench.size, bench.queries, bench.seed)
    note = f"Once, on {len(os.sched_getaffinity(0))} cores."
    return Outcome(
        times={"ours": [made[index.kind, bench.size]]}, ours="ours", unit="s", notes=[note, *tuning_of(index)]
    )


def measure_load(bench: Bench) -> Outcome:
    """From files that were read before; ours verifies their checksums first, as a published version is read."""
    data = drawn("clustered", bench.size, bench.queries, bench.seed)
    folder = bench.folder / f"stored-{bench.size}"
    folder.mkdir(exist_ok=True)
    index = index_of("clustered", bench.size, bench.queries, bench.seed)
    index.save(folder / "ours.faiss")
    _write_flat(data.passages, folder)
    kinds = {"ours": index.kind, "FAISS Flat": "FAISS Flat"}
    if bench.size > _LANGCHAIN_UP_TO:
        bench.left_out("LangChain FAISS", f"its documents are pickled one by one: measured up to {_LANGCHAIN_UP_TO:,}")
    elif bench.has("LangChain FAISS", "langchain_community"):
        kinds["LangChain FAISS"] = "LangChain FAISS"
        _write_langchain(data.passages, folder)
    memory: dict[str, list[float]] = {name: [] for name in kinds}
    loads: dict[str, list[float]] = {name: [] for name in kinds}

    def reading(name: str) -> Callable[[int], object]:
        def read(turn: int) -> None:
            milliseconds, megabytes = _in_a_process(kinds[name], folder)
            loads[name].append(milliseconds)
            memory[name].append(megabytes)

        return read

    bench.interleaved({name: reading(name) for name in kinds}, turns=bench.rounds, warm=0)
    figures = {f"MB of {name}": float(np.median(values)) for name, values in memory.items()}
    figures["memory beside Flat"] = figures["MB of ours"] / figures["MB of FAISS Flat"]
    return Outcome(times=loads, ours="ours", against="FAISS Flat", figures=figures)


def _write_flat(vectors: Any, folder: Path) -> None:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / "flat"))


def _write_langchain(vectors: Any, folder: Path) -> None:
    from langchain_community.vectorstores import FAISS

    pairs = zip(map(str, range(len(vectors))), vectors.tolist(), strict=True)
    FAISS.from_embeddings(list(pairs), lambda text: []).save_local(str(folder / "langchain"))


def _in_a_process(kind: str, folder: Path) -> tuple[float, float]:
    command = [sys.executable, "-c", _READ, kind, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (str(Path.cwd()), *sys.path) if path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603
    milliseconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return milliseconds, megabytes


ROWS = [
    Row(
        "keep.build",
        "making the index",
        measure_build,
        must={1_000_000: Goal(value=100.0)},
        aim={1_000_000: Goal(value=60.0)},
        sized=True,
    ),
    Row(
        "keep.load",
        "reading the index",
        measure_load,
        must={1_000_000: Goal(value=1000.0, most={"memory beside Flat": 1 / 3})},
        aim={1_000_000: Goal(value=300.0, most={"memory beside Flat": 1 / 3})},
        sized=True,
    ),
]
