"""The gate on real sentences, half of which are only ever counted."""

import json
import os
from pathlib import Path

import pytest

from cdss.reasoning.perturb.measure import Figures, measure
from cdss.reasoning.perturb.sampling import held_out, samples_of

FOLDER = Path(os.environ.get("CDSS_TEST_DATA", ""))
CAUGHT, REFUSED = 0.95, 0.08
SMALL = 20


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def figures() -> list[Figures]:
    topics = rows("medpix/topics.jsonl")
    documents = [*topics, *rows("guidelines/guidelines.jsonl"), *rows("literature/pubmed.jsonl")]
    texts = [(row["id"], row["text"]) for row in documents]
    texts += [(f"d{row['id']}", row["discussion"]) for row in rows("medpix/cases.jsonl") if row["discussion"]]
    names = sorted({title for row in topics if 5 < len(title := row["title"].lower()) < 40 and "(" not in title})
    return measure(samples_of([text for text in texts if held_out(text[0])], names))


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("CDSS_TEST_DATA"), reason="CDSS_TEST_DATA names no folder")
def test_false_claims_are_caught_and_true_ones_are_not_refused(figures: list[Figures]) -> None:
    for row in figures:
        print(
            f"{row.truth:5}{row.kind:16}n {row.count:5}  supported {row.supported:.3f}  caught {row.caught:.3f}  "
            f"by name {row.caught_by_name:.3f}"
        )
    total = {row.truth: row for row in figures if row.kind == "all"}
    assert total["bad"].caught_by_name >= CAUGHT
    assert 1 - total["good"].supported <= REFUSED
    weak = [row.kind for row in figures if row.truth == "bad" and row.count >= SMALL and row.caught < 0.9]
    assert not weak
