"""A report as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cdss.evaluation.figures import PRODUCT


def lines_of(report: Mapping[str, Any]) -> Iterator[str]:
    data, measured_with = report["data"], report["configuration"]
    yield f"{data['label']}: {data['cases']} cases, seed {data['seed']}"
    yield f"{measured_with['text_encoder']} · {measured_with['image_encoder']} · index {measured_with['index']['name']}"
    for name, suite in report["suites"].items():
        yield ""
        yield f"{name}  ({suite['seconds']:.0f} s)"
        yield from _table(suite["figures"])
        for note in suite["notes"]:
            yield f"  {note}"


def systems_of(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys([PRODUCT, *(row["system"] for row in figures)]))


def _table(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    systems = systems_of(figures)
    rows: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in figures:
        rows.setdefault((row["measure"], row["cases"]), {})[row["system"]] = row
    if not rows:
        return
    width = max(len(f"{measure}, {cases}") for measure, cases in rows)
    yield f"  {'':<{width}}  {'n':>5}  " + "  ".join(f"{system:^20}" for system in systems)
    for (measure, cases), found in rows.items():
        first = next(iter(found.values()))
        cells = "  ".join(f"{_cell(found.get(system)):<20}" for system in systems).rstrip()
        yield f"  {f'{measure}, {cases}':<{width}}  {first['n']:>5}  {cells}"


def _cell(row: Mapping[str, Any] | None) -> str:
    return f"{row['value']:.3f} [{row['low']:.3f}–{row['high']:.3f}]" if row else ""
