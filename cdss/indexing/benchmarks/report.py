"""The figures of a run as JSON and as a page of the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cdss.indexing.benchmarks.suite import SIZES, Goal, Measured, Summary
from retrieval.machine import package_version, processor_name

PACKAGES = (
    *("numpy", "faiss-cpu", "bm25s", "torch", "onnxruntime", "sentence-transformers", "open_clip_torch"),
    *("langchain-core", "langchain-community", "chromadb", "hnswlib", "rank_bm25"),
)


def as_json(results: Sequence[Measured], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"machine": machine(), "settings": dict(settings), "rows": [asdict(result) for result in results]}


def from_json(data: Mapping[str, Any]) -> list[Measured]:
    """The rows of `as_json`. Raises KeyError or TypeError for anything else."""
    return [_measured(row) for row in data["rows"]]


def _measured(row: Mapping[str, Any]) -> Measured:
    contenders = {name: Summary(**values) for name, values in row["contenders"].items()}
    goals = {name: Goal(**row[name]) if row[name] else None for name in ("must", "aim")}
    return Measured(**{**row, **goals, "contenders": contenders})


def machine() -> dict[str, Any]:
    return {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := package_version(name))},
    }


def as_markdown(
    results: Sequence[Measured], settings: Mapping[str, Any], *, measured_on: str, one_run: bool = True
) -> str:
    about, runs = machine(), "one run" if one_run else "several runs, the last"
    lines = [
        "# Benchmarks",
        "",
        f"Written by `manage.py benchmark --markdown` from {runs} on {measured_on}: {about['cores']} cores of"
        f" {about['processor']}, Python {about['python']}. Contenders answer in turn within a row; a figure is the"
        " median with the least and the greatest sample, in milliseconds unless it says otherwise. The load average of"
        " the machine stands beside each row: figures taken above 1 are of a machine that was busy with other work, and"
        " their ratios are worth more than their times.",
        "",
        "Packages: " + ", ".join(f"{name} {found}" for name, found in about["packages"].items()) + ".",
        "",
        "Run with " + ", ".join(f"{name} {value}" for name, value in settings.items()) + ".",
        "",
        "## Goals",
        "",
        "| row | passages | ours | against | ratio | must | aim | load |",
        "|---|---|---|---|---|---|---|---|",
        *(_goal_line(result) for result in results),
        "",
        "## Every contender",
    ]
    for result in results:
        lines += ["", *_details(result)]
    return "\n".join(lines) + "\n"


def as_text(result: Measured) -> Iterator[str]:
    """A few lines for the terminal."""
    ratio = f"  ratio {_number(result.ratio)}" if result.ratio is not None else ""
    goals = "".join(
        f"  {word} {_asked(goal, reached)}"
        for word, goal, reached in (
            ("must", result.must, result.must_reached),
            ("aim", result.aim, result.aim_reached),
        )
        if goal
    )
    yield f"{result.title}{f' ({_size(result.size)})' if result.size else ''}{ratio}{goals}"
    for name, summary in result.contenders.items():
        yield f"  {name:<28} {_span(summary)} {result.unit}, p95 {_number(summary.p95)}"
    if result.figures:
        yield "  " + ", ".join(f"{name} {_number(value)}" for name, value in result.figures.items())
    yield from (f"  {note}" for note in result.notes)
    yield from (f"  left out: {name} ({reason})" for name, reason in result.left_out.items())


def _goal_line(result: Measured) -> str:
    ours, against = (result.contenders.get(name) for name in (result.ours, result.against))
    cells = (
        result.title,
        _size(result.size),
        _cell(ours, result),
        f"{result.against} {_cell(against, result)}" if against else "",
        _number(result.ratio) if result.ratio is not None else "",
        _asked(result.must, result.must_reached),
        _asked(result.aim, result.aim_reached),
        f"{result.load:.1f}",
    )
    return "| " + " | ".join(cells) + " |"


def _details(result: Measured) -> Iterator[str]:
    yield f"### {result.title}, {_size(result.size)}" if result.size else f"### {result.title}"
    yield ""
    yield f"| contender | median (min–max) {result.unit} | p95 | samples |"
    yield "|---|---|---|---|"
    for name, summary in result.contenders.items():
        yield f"| {name} | {_span(summary)} | {_number(summary.p95)} | {summary.samples} |"
    if result.figures:
        yield ""
        yield "; ".join(f"{name} {_number(value)}" for name, value in result.figures.items()) + "."
    for note in result.notes:
        yield ""
        yield note
    if result.left_out:
        yield ""
        yield "Left out: " + "; ".join(f"{name} ({reason})" for name, reason in result.left_out.items()) + "."


def _asked(goal: Goal | None, reached: bool | None) -> str:
    if goal is None:
        return ""
    bounds = [f"≤ {_number(goal.ratio)}×"] if goal.ratio is not None else []
    bounds += [f"≤ {_number(goal.value)}"] if goal.value is not None else []
    bounds += [f"{name} ≥ {_number(bound)}" for name, bound in goal.least.items()]
    bounds += [f"{name} ≤ {_number(bound)}" for name, bound in goal.most.items()]
    return f"{', '.join(bounds)}: {_word(reached)}"


def _word(reached: bool | None) -> str:
    return {True: "reached", False: "**not reached**", None: "not measured"}[reached]


def _cell(summary: Summary | None, result: Measured) -> str:
    if summary is None:
        return ""
    shown = summary.median if result.at == 50 else summary.p95
    return f"{_number(shown)} {result.unit}" + ("" if result.at == 50 else f" (p{result.at})")


def _span(summary: Summary) -> str:
    return f"{_number(summary.median)} ({_number(summary.low)}–{_number(summary.high)})"


def _number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return ""
    if value and abs(value) < 0.0001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _size(size: int) -> str:
    return next((name for name, value in SIZES.items() if value == size), f"{size:,}") if size else ""
