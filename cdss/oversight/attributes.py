"""The 31 and 13 source attributes of ONC HTI-1 (decision support interventions): what is known, and where it is not."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cdss.oversight.measured import NOT_KNOWN, Measured

FILE = Path(__file__).parent / "attributes.toml"
HEADLINE = ("gold in the first 1", "gold in the first 5", "gold in the first 10")


@dataclass(frozen=True, slots=True)
class Attribute:
    """`text` is what is known of it, or else `figure` the name of what is measured of it."""

    section: str
    key: str
    name: str
    text: str = ""
    figure: str = ""

    def value(self, measured: Measured) -> str:
        return self.text or (FIGURES[self.figure](measured) if self.figure else NOT_KNOWN)


@cache
def attributes() -> tuple[Attribute, ...]:
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["attribute"]
    return tuple(Attribute(**row) for row in rows)


def _tester(measured: Measured) -> str:
    run = measured.runs.get("differential")
    if run is None:
        return NOT_KNOWN
    return f"{run.by or 'The command line of this site'}, by the evaluation of the program itself."


def _demographics(measured: Measured) -> str:
    run = measured.runs.get("subgroups")
    rows = run.tables.get("groups", ()) if run else ()
    sizes = {(row["dimension"], row["group"]): row["n"] for row in rows if row["system"] == "cdss"}
    told = [f"{dimension} {group} {n}" for (dimension, group), n in sizes.items() if dimension in ("age", "sex")]
    return f"Cases by {'; '.join(told)}. {measured.basis('subgroups')}" if told else NOT_KNOWN


FIGURES: Mapping[str, Callable[[Measured], str]] = {
    "basis": lambda measured: measured.basis("differential"),
    "tester": _tester,
    "demographics": _demographics,
    "external_validity": lambda measured: measured.told("differential", *HEADLINE),
    "external_fairness": lambda measured: measured.gaps(),
    "local_validity": lambda measured: measured.local(),
    "local_fairness": lambda measured: measured.local_gaps(),
}
