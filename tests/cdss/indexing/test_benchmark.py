import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdss.indexing.benchmarks import report, suite
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row
from retrieval.encoders.hashing import HashingTextEncoder


def outcome(**changes: Any) -> Outcome:
    given: dict[str, Any] = {"times": {"ours": [1.0, 2.0, 9.0], "peer": [10.0, 20.0, 30.0]}, "ours": "ours"}
    return Outcome(**{**given, "against": "peer", **changes})


def held(goal: suite.Goals, found: Outcome, size: int = 0) -> suite.Measured:
    return suite.measured(Row("a.row", "a row", lambda bench: found, must=goal), Bench(size), found, 1.0)


def run(*args: str) -> str:
    out = StringIO()
    call_command("benchmark", *args, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_whole_search_is_timed_beside_its_bare_parts() -> None:
    (row,) = json.loads(run("--rows", "search.whole", "--sizes", "200", "--queries", "5", "--json"))["rows"]
    assert {"ours", "encode and FAISS Flat"} <= set(row["contenders"])
    assert all(found["samples"] == 5 and found["low"] <= found["median"] for found in row["contenders"].values())
    assert row["size"] == 200
    assert {"encode, ms", "dense, ms", "lexical, ms"} <= set(row["figures"])


@pytest.mark.django_db
def test_every_contender_encodes_every_question_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    original = HashingTextEncoder.encode
    monkeypatch.setattr(
        HashingTextEncoder, "encode", lambda self, texts: encoded.extend(texts) or original(self, texts)
    )
    (row,) = json.loads(run("--rows", "search.whole", "--sizes", "50", "--queries", "4", "--json"))["rows"]
    assert len(encoded) == len(row["contenders"]) * (4 + 1)


def test_a_ratio_is_of_the_percentile_that_counts() -> None:
    assert held(Goal(ratio=0.1), outcome()).must_reached
    late = held(Goal(ratio=0.1), outcome(at=95))
    assert late.ratio == pytest.approx(8.3 / 29)
    assert not late.must_reached


def test_a_goal_holds_only_when_every_bound_does() -> None:
    found = outcome(figures={"recall": 0.97, "foreign": 0.0})
    assert held(Goal(ratio=0.5, most={"foreign": 0}), found).must_reached
    assert held(Goal(ratio=0.5, least={"recall": 0.98}), found).must_reached is False
    assert held(Goal(ratio=0.5, least={"never measured": 1}), found).must_reached is None
    assert held(Goal(ratio=0.5), outcome(against="not installed")).must_reached is None
    by_size = {100_000: Goal(ratio=0.5)}
    assert held(by_size, found, 10_000).must is None
    assert held(by_size, found, 100_000).must_reached


def test_what_cannot_be_measured_says_why_and_the_rest_goes_on(tmp_path: Path) -> None:
    def refuse(bench: Bench) -> Outcome:
        raise suite.Unmeasurable("the library is empty")

    rows = [Row("one", "one", refuse), Row("two", "two", lambda bench: outcome())]
    first, second = suite.run(chosen=rows, sizes=[10], queries=1, rounds=1, seed=1, folder=tmp_path)
    assert first.notes == ("Not measured: the library is empty.",)
    assert second.ratio == pytest.approx(0.1)


def test_a_slow_moment_meets_every_contender_in_turn() -> None:
    asked: list[tuple[str, int]] = []
    contenders = {name: lambda turn, name=name: asked.append((name, turn)) for name in ("a", "b")}
    times = Bench(0).interleaved(contenders, turns=2)
    assert asked == [("a", 1), ("b", 1), ("b", 0), ("a", 0), ("a", 1), ("b", 1)]
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}


def test_a_peer_that_is_not_installed_is_named_on_the_page() -> None:
    bench = Bench(10_000)
    assert not bench.has("Some peer", "a_package_that_is_not_there")
    found = outcome(figures={"recall": 0.991})
    row = suite.measured(Row("a", "vector search", lambda bench: found, must=Goal(ratio=0.5)), bench, found, 1.0)
    page = report.as_markdown([row], {"queries": 3}, measured_on="2026-01-01")
    assert "Left out: Some peer (a_package_that_is_not_there is not installed)." in page
    assert "| vector search | 10k | 2 ms | peer 20 ms | 0.1 | ≤ 0.5×: reached |" in page
    assert "recall 0.991." in page


def test_a_page_and_a_file_are_written(tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    run(
        "--rows",
        "vectors.clustered",
        "--sizes",
        "300",
        "--queries",
        "3",
        "--json",
        str(figures),
        "--markdown",
        str(page),
    )
    stored = json.loads(figures.read_text())
    assert stored["rows"][0]["figures"]["recall of ours"] == 1.0
    assert stored["machine"]["packages"]["faiss-cpu"]
    assert page.read_text().startswith("# Benchmarks")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--queries", "0"], "at least one"),
        (["--sizes", "many"], "a number of passages"),
        (["--sizes", "-5"], "a number of passages"),
        (["--rows", "nothing.such"], "No row begins with nothing.such"),
        (
            ["--rows", "vectors.clustered", "--sizes", "50", "--queries", "1", "--markdown", "/no/such/folder/x.md"],
            "cannot",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(args: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("benchmark", *args)


@pytest.mark.django_db
def test_rows_of_another_run_are_shown_with_it(tmp_path: Path) -> None:
    found = held(Goal(ratio=0.5, least={"recall": 0.9}), outcome(figures={"recall": 0.95}, notes=["of a larger site"]))
    other = tmp_path / "other.json"
    other.write_text(json.dumps(report.as_json([found], {})))
    assert report.from_json(json.loads(other.read_text()))[0].must == found.must
    page = tmp_path / "page.md"
    run("--rows", "search.whole", "--sizes", "50", "--queries", "2", "--also", str(other), "--markdown", str(page))
    assert "of a larger site" in page.read_text()
    assert "≤ 0.5×, recall ≥ 0.9: reached" in page.read_text()
    assert "from several runs" in page.read_text()
    measured = tmp_path / "measured.json"
    run("--rows", "search.whole", "--sizes", "50", "--queries", "2", "--json", str(measured))
    again = tmp_path / "again.json"
    once = ("--rows", "search.whole", "--sizes", "50", "--queries", "2")
    run(*once, "--also", str(measured), "--json", str(again))
    assert len(json.loads(again.read_text())["rows"]) == len(json.loads(measured.read_text())["rows"])
    other.write_text('{"rows": [{"key": "a"}]}')
    with pytest.raises(CommandError, match="no JSON of a run"):
        run("--rows", "search.whole", "--also", str(other))
