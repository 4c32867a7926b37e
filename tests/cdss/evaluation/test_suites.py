from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdss.consultations.exclusion import own_items
from cdss.evaluation.cases import library_cases
from cdss.evaluation.suites.subgroups import COMPARED_FROM
from cdss.evaluation.workbench import Workbench
from cdss.library.models import Case, LibraryItem

Evaluate = Callable[..., dict[str, Any]]


def value(report: dict[str, Any], suite: str, measure: str, system: str = "cdss", cases: str = "all") -> float:
    rows = report["suites"][suite]["figures"]
    return next(r["value"] for r in rows if (r["measure"], r["system"], r["cases"]) == (measure, system, cases))


def test_the_topic_of_each_case_is_found_beside_the_plain_methods(evaluate: Evaluate) -> None:
    report = evaluate("topics")
    rows = report["suites"]["topics"]["figures"]
    assert value(report, "topics", "R@5") == 1.0
    assert {"cdss", "bm25", "dense", "fusion"} <= {row["system"] for row in rows}
    assert all(row["low"] <= row["value"] <= row["high"] and row["n"] == 6 for row in rows if row["cases"] == "all")


def test_a_case_without_a_text_on_its_topic_is_not_asked(evaluate: Evaluate) -> None:
    LibraryItem.objects.filter(title="Ureteric calculus", kind="literature").delete()
    report = evaluate("topics")
    assert report["suites"]["topics"]["figures"][0]["n"] == 4
    assert "2 cases have no text about their topic in the library." in report["suites"]["topics"]["notes"]


def test_the_differential_finds_the_other_case_of_each_disease(evaluate: Evaluate) -> None:
    report = evaluate("differential")
    assert value(report, "differential", "gold in the first 5") == 1.0
    assert value(report, "differential", "ICD-10 credit in the first 5") > 0
    assert value(report, "differential", "gold in the first 5", "bm25") == 1.0


def test_a_case_is_never_its_own_evidence(library: Path) -> None:
    known = library_cases()[0]
    # Its patient's other case, one with the same image, and a copy of its words.
    patient, shown, copy = Case.objects.exclude(pk=known.item).order_by("pk")[:3]
    Case.objects.filter(pk__in=[known.item, patient.pk]).update(source_group="one patient")
    image = Case.objects.get(pk=known.item).images.get()
    shown.images.update(sha256=image.sha256)
    Case.objects.filter(pk=copy.pk).update(history=known.case.history, findings=known.case.findings)
    bench = Workbench(library_cases(), 7)
    place = [case.item for case in bench.cases].index(known.item)
    assert sorted(own_items(known.source_id).tolist()) == sorted([known.item, patient.pk, shown.pk])
    assert bench.excluded[place].tolist() == sorted([known.item, patient.pk, shown.pk, copy.pk])
    assert not {known.item, patient.pk, shown.pk, copy.pk} & set(bench.outcomes[place].retrieved.found)


def test_a_text_that_names_the_disease_is_counted_apart(library: Path, evaluate: Evaluate) -> None:
    Case.objects.filter(source_id="case-0-0").update(findings="A nodule, in keeping with a pulmonary hamartoma.")
    counts = {row["cases"]: row["n"] for row in evaluate("topics")["suites"]["topics"]["figures"]}
    assert counts == {"all": 6, "not given away": 5}


def test_images_are_compared_with_those_of_other_cases(evaluate: Evaluate) -> None:
    report = evaluate("images")
    assert value(report, "images", "same modality and region P@1") == 1.0
    assert value(report, "images", "same diagnosis P@1", "chance") == pytest.approx(1 / 5)
    assert {row["cases"] for row in report["suites"]["images"]["figures"]} == {"all"}
    assert any("cannot be aligned with text" in note for note in report["suites"]["images"]["notes"])


def test_an_image_that_no_other_case_could_answer_is_not_asked(evaluate: Evaluate) -> None:
    Case.objects.filter(source_id="case-0-1").update(diagnosis="Gout", topic_title="Gout")
    rows = evaluate("images")["suites"]["images"]["figures"]
    assert {row["measure"]: row["n"] for row in rows} == {"same modality and region P@1": 6, "same diagnosis P@1": 4}


def test_the_gate_is_measured_by_kind_of_claim(evaluate: Evaluate) -> None:
    report = evaluate("gate")
    measures = {row["measure"]: row for row in report["suites"]["gate"]["figures"]}
    assert measures["false claims caught"]["value"] > 0.9
    assert measures["false claims caught"]["n"] == sum(
        row["n"] for name, row in measures.items() if name.startswith("false claims caught: ")
    )
    assert measures["true claims refused: verbatim"]["value"] == 0
    assert measures["true claims refused"]["better"] == "lower"


def test_calibration_compares_the_stated_probability_with_what_was_right(evaluate: Evaluate) -> None:
    report = evaluate("calibration")
    suite = report["suites"]["calibration"]
    assert 0 < value(report, "calibration", "calibration error") < 1
    assert sum(row["count"] for row in suite["tables"]["reliability"]) == 6
    assert suite["tables"]["risk_coverage"][-1]["coverage"] == 1
    assert "6 of 6 answers state a probability" in suite["notes"][0]


def test_subgroups_have_their_figures_and_a_gap_where_they_are_large_enough(
    evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = evaluate("subgroups")
    suite = report["suites"]["subgroups"]
    groups = {(row["dimension"], row["group"]): row["n"] for row in suite["tables"]["groups"]}
    assert groups == {
        ("age", "18–39"): 3, ("age", "40–59"): 3, ("sex", "female"): 3, ("sex", "male"): 3, ("modality", "CT"): 6,
        ("region", "Thorax"): 6,
    }  # fmt: skip
    assert COMPARED_FROM > 6
    assert not [row for row in suite["figures"] if "gap" in row["measure"]]
    monkeypatch.setattr("cdss.evaluation.suites.subgroups.COMPARED_FROM", 3)
    assert value(evaluate("subgroups"), "subgroups", "gold in the first 5, largest gap by sex") == 0
