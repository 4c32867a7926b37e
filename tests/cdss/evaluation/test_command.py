import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdss.audit.models import Event
from cdss.evaluation.models import EvaluationRun
from tests.cdss.evaluation.conftest import case_rows

Evaluate = Callable[..., dict[str, Any]]


def fails(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as raised:
        call_command("evaluate", *arguments, stdout=StringIO(), stderr=StringIO())
    return raised.value


def altered(report: dict[str, Any], path: Path, which: str, **change: Any) -> str:
    for row in report["suites"]["topics"]["figures"]:
        if (row["measure"], row["system"], row["cases"]) == (which, "cdss", "all"):
            row.update(change)
    path.write_text(json.dumps(report))
    return str(path)


def test_a_run_is_stored_with_what_it_was_made_with_and_noted_in_the_trail(evaluate: Evaluate) -> None:
    report = evaluate("topics")
    run = EvaluationRun.objects.get()
    assert (run.suite, run.cases, run.seed, run.by) == ("topics", 6, 7, None)
    assert run.figures == report["suites"]["topics"]["figures"]
    assert run.cases_sha256 == report["data"]["sha256"]
    kept = run.configuration
    assert kept["text_encoder"].startswith("hashing")
    assert kept["index"]["name"]
    assert set(kept["code"]) == {"search", "ranking", "gate", "scoring"}
    assert any(name.startswith("differential") for name in kept["prompts"])
    event = Event.objects.get(action="evaluation.run")
    assert (event.object_id, event.details["suite"], event.details["cases"]) == (str(run.pk), "topics", 6)


def test_the_same_seed_gives_the_same_figures(evaluate: Evaluate) -> None:
    assert evaluate("topics")["suites"]["topics"]["figures"] == evaluate("topics")["suites"]["topics"]["figures"]


def test_all_runs_every_suite_but_those_to_be_asked_for_by_name(evaluate: Evaluate) -> None:
    report = evaluate("all")
    assert list(report["suites"]) == [
        "topics",
        "differential",
        "images",
        "gate",
        "calibration",
        "subgroups",
        "deidentification",
    ]
    assert EvaluationRun.objects.count() == 7


def test_cases_of_a_file_are_asked_against_the_library(evaluate: Evaluate, library: Path) -> None:
    row = case_rows()[0] | {"id": "elsewhere", "source": {"name": "other", "id": "elsewhere"}}
    broken = {"id": "no-answer", "findings": "A nodule."}
    path = library / "asked.jsonl"
    path.write_text(f"{json.dumps(row)}\n{json.dumps(broken)}\nnot JSON\n")
    err = StringIO()
    call_command("evaluate", "topics", "--cases", str(path), stdout=StringIO(), stderr=err)
    run = EvaluationRun.objects.get()
    assert (run.cases, run.data_label) == (1, "asked.jsonl")
    assert "line 2: neither diagnosis nor topic_title is given" in err.getvalue()
    assert "line 3: not JSON" in err.getvalue()
    assert evaluate("images", "--cases", str(path))["suites"]["images"]["figures"][0]["n"] == 1


def test_a_limit_draws_the_same_cases_for_a_seed(evaluate: Evaluate) -> None:
    one, same, other = (evaluate("topics", "--limit", "3", "--seed", seed)["data"] for seed in ("1", "1", "2"))
    assert one["cases"] == 3
    assert one["sha256"] == same["sha256"] != other["sha256"]


def test_nothing_worse_is_no_finding(evaluate: Evaluate, tmp_path: Path) -> None:
    stored = tmp_path / "stored.json"
    evaluate("topics", "--output", str(stored))
    err = StringIO()
    call_command("evaluate", "topics", "--against", str(stored), stdout=StringIO(), stderr=err)
    assert "No figure is worse than before." in err.getvalue()


def test_a_figure_below_its_stored_interval_is_a_finding_and_is_named(evaluate: Evaluate, tmp_path: Path) -> None:
    report = evaluate("topics")
    found = next(r["value"] for r in report["suites"]["topics"]["figures"] if r["measure"] == "R@1")
    path = altered(report, tmp_path / "stored.json", "R@1", value=found + 0.4, low=found + 0.2, high=found + 0.5)
    error = fails("topics", "--against", path)
    assert error.returncode == 1
    assert f"topics: R@1 (all cases) was {found + 0.4:.3f} and is {found:.3f}" in str(error)


def test_a_figure_within_its_stored_interval_is_none(evaluate: Evaluate, tmp_path: Path) -> None:
    report = evaluate("topics")
    found = next(r["value"] for r in report["suites"]["topics"]["figures"] if r["measure"] == "R@1")
    path = altered(report, tmp_path / "stored.json", "R@1", value=found + 0.4, low=found, high=found + 0.5)
    call_command("evaluate", "topics", "--against", path, stdout=StringIO(), stderr=StringIO())


def test_where_less_is_better_more_is_a_finding(evaluate: Evaluate, tmp_path: Path) -> None:
    path = altered(evaluate("topics"), tmp_path / "a.json", "R@5", value=0.1, low=0, high=0.2, better="lower")
    assert fails("topics", "--against", path).returncode == 1


def test_a_figure_that_is_gone_is_a_finding(evaluate: Evaluate, tmp_path: Path) -> None:
    path = altered(evaluate("topics"), tmp_path / "stored.json", "R@1", measure="R@2")
    assert "R@2 (all cases)" in str(fails("topics", "--against", path))


def test_other_cases_cannot_be_compared(evaluate: Evaluate, tmp_path: Path) -> None:
    stored = tmp_path / "stored.json"
    evaluate("topics", "--output", str(stored))
    error = fails("topics", "--limit", "3", "--against", str(stored))
    assert error.returncode == 2
    assert "measured on other cases" in str(error)


def test_another_suite_cannot_be_compared(evaluate: Evaluate, tmp_path: Path) -> None:
    stored = tmp_path / "stored.json"
    evaluate("topics", "--output", str(stored))
    assert "none of the suites" in str(fails("calibration", "--against", str(stored)))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "data": {}, "suites": {}}'])
def test_what_is_not_a_report_is_refused_before_anything_runs(library: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "stored.json"
    path.write_text(content)
    error = fails("topics", "--against", str(path))
    assert error.returncode == 2
    assert "is not a report of manage.py evaluate --output" in str(error)
    assert not EvaluationRun.objects.exists()


def test_wrong_use_is_explained(db: None, site: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["topics"], "There is no case whose diagnosis is known"),
        (["topics", "--limit", "0"], "--limit 0: write a number from 1"),
        (["topics", "--cases", str(tmp_path / "missing")], "missing cannot be read"),
        (["topics", "--against", str(tmp_path / "missing")], "missing cannot be read"),
    ):
        error = fails(*arguments)
        assert (error.returncode, message in str(error)) == (2, True), error


def test_without_an_index_the_remedy_is_named(library: Path) -> None:
    from cdss.indexing.models import IndexVersion

    IndexVersion.objects.all().delete()
    error = fails("topics")
    assert (error.returncode, "manage.py build_index" in str(error)) == (2, True)


def test_the_terminal_gets_a_table(library: Path) -> None:
    out = StringIO()
    call_command("evaluate", "topics", stdout=out, stderr=StringIO())
    lines = out.getvalue().splitlines()
    assert "6 cases, seed 7" in lines[0]
    assert any(line.split()[:2] == ["R@1,", "all"] and "[" in line for line in lines)


def test_an_output_that_cannot_be_written_is_told_before_anything_is_measured(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="it is a folder"):
        evaluate("topics", "--output", str(tmp_path))
    assert not EvaluationRun.objects.exists()


@pytest.mark.parametrize("other", ["against", "cases"])
def test_a_report_takes_the_place_of_nothing_it_was_made_from(other: str, db: None, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("kept")
    error = fails("topics", f"--{other}", str(path), "--output", str(tmp_path / "." / "kept.json"))
    assert (error.returncode, "the same file" in str(error)) == (2, True)
    assert path.read_text() == "kept"


def test_of_many_lines_that_are_no_case_the_first_are_told_and_the_rest_counted(db: None, tmp_path: Path) -> None:
    path, said = tmp_path / "cases.jsonl", StringIO()
    path.write_text("[]\n" * 50)
    with pytest.raises(CommandError):
        call_command("evaluate", "topics", "--cases", str(path), stdout=StringIO(), stderr=said)
    assert said.getvalue().count("\nline ") == 19
    assert "and 30 more lines" in said.getvalue()
