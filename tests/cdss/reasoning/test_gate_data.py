"""The gate on real sentences of sources that no rule was tuned on: they are only ever counted."""

import json
import os
from pathlib import Path

import pytest

from cdss.reasoning.perturb.measure import REWORDINGS, Figures, measure_gate
from cdss.reasoning.perturb.sampling import held_out

FOLDER = Path(os.environ.get("CDSS_TEST_DATA", ""))
CAUGHT, REFUSED, REFUSED_REWORDED = 0.99, 0.04, 0.08
SMALL = 25


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def texts_of(source: str) -> list[tuple[str, str]]:
    if source == "abstracts":
        return [(row["id"], row["text"]) for row in rows("literature/pubmed.jsonl")]
    cases = [(f"d{row['id']}", row["discussion"]) for row in rows("medpix/cases.jsonl") if row["discussion"]]
    return [case for case in cases if held_out(case[0])]


def figures_of(source: str) -> list[Figures]:
    titles = (row["title"].lower() for row in rows("medpix/topics.jsonl"))
    return measure_gate(
        texts_of(source), sorted({title for title in titles if 5 < len(title) < 40 and "(" not in title})
    )


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("CDSS_TEST_DATA"), reason="CDSS_TEST_DATA names no folder")
@pytest.mark.parametrize("source", ["abstracts", "discussions"])
def test_false_claims_are_caught_and_true_ones_are_not_refused(source: str) -> None:
    figures = figures_of(source)
    for row in figures:
        low, high = row.interval
        print(
            f"{row.truth:5}{row.kind:16}n {row.count:5}  right {row.right / row.count:.3f} [{low:.3f}, {high:.3f}]  "
            f"left out {row.left_out:.3f}  by name {row.caught_by_name:.3f}"
        )
    total = {row.truth: row for row in figures if row.kind == "all"}
    assert total["bad"].caught_by_name >= CAUGHT
    assert 1 - total["good"].supported <= REFUSED
    rewordings = next(row for row in figures if row.kind == REWORDINGS)
    assert 1 - rewordings.supported <= REFUSED_REWORDED
    assert not [row.kind for row in figures if row.truth == "bad" and row.count >= SMALL and row.caught < 0.9]
