"""The figures the product promises, on notes it was not made with."""

import pytest

from cdss.evaluation.notes import people, templates
from cdss.evaluation.notes.generate import SETS, notes
from cdss.evaluation.notes.scoring import identifiers, removals
from cdss.evaluation.suites.deidentification import PRECISION, RECALL, run
from cdss.evaluation.workbench import Workbench
from cdss.library.deidentify import deidentify


def test_the_same_seed_makes_the_same_notes() -> None:
    assert notes(part="held out", count=5, seed=1) == notes(part="held out", count=5, seed=1)
    assert notes(part="held out", count=5, seed=1) != notes(part="held out", count=5, seed=2)


def test_spans_are_where_the_identifiers_stand() -> None:
    for note in notes(part="development", count=50, seed=3):
        assert all(0 <= start < end <= len(note.text) for start, end, _ in note.spans)
        assert "{" not in note.text


def test_no_sentence_or_rare_name_is_in_two_sets() -> None:
    sets = (templates.DEVELOPMENT, templates.SECOND, templates.HELD_OUT)
    sentences = [set(each.sentences) | set(each.heads) | set(each.clinical) for each in sets]
    assert not sentences[2] & (sentences[0] | sentences[1])
    assert not set(people.HELD_OUT.surnames) & set(people.DEVELOPMENT.surnames + people.SECOND.surnames)
    assert not set(people.HELD_OUT.given) & set(people.DEVELOPMENT.given + people.SECOND.given)


@pytest.mark.parametrize("part", SETS)
def test_recall_and_precision(part: str) -> None:
    made = notes(part=part, count=200, seed=11)
    found = list(identifiers(made, lambda text: deidentify(text).spans))
    removed = list(removals(made, lambda text: deidentify(text).spans))
    assert sum(each.gone for each in found) / len(found) >= 0.98
    assert sum(each.right for each in removed) / len(removed) >= 0.9


def test_scoring_tells_what_was_left_and_what_was_wrong() -> None:
    made = notes(part="development", count=20, seed=5)
    assert not any(each.gone for each in identifiers(made, lambda text: ()))
    everything = list(removals(made, lambda text: [(0, len(text), "name")]))
    assert {each.right for each in everything} == {True, False}


@pytest.mark.django_db
def test_the_suite_has_a_figure_for_each_kind() -> None:
    result = run(Workbench([], seed=7))
    figures = {figure.measure: figure for figure in result.figures}
    assert figures[RECALL].value >= 0.98
    assert figures[PRECISION].value >= 0.9
    assert figures[RECALL].low <= figures[RECALL].value <= figures[RECALL].high
    assert {
        f"{RECALL}: {kind}" for kind in ("name", "date", "phone", "record", "address", "institution")
    } <= figures.keys()
    assert [row["set"] for row in result.tables["by set"]] == list(SETS)
