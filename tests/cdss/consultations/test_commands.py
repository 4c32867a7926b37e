"""`consult` and `benchmark_consultation` from the command line."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from cdss.consultations.models import Consultation
from cdss.library.models import Case

ROW = {
    "id": "q1",
    "history": "Incidental finding.",
    "findings": "A well-circumscribed nodule with popcorn calcification. No fat is evident.",
    "diagnosis": "Lupus",
    "differential": ["Lupus"],
    "discussion": "Lupus.",
    "title": "Lupus",
}


def consulted(tmp_path: Path, *rows: object, **options: object) -> list[dict[str, object]]:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("consult", input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl", stderr=StringIO(), **options)
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


def test_a_line_has_the_published_form(small_library: None, tmp_path: Path) -> None:
    (line,) = consulted(tmp_path, ROW)
    assert set(line) == {"id", "abstained", "model", "index_version", "timings_ms", "diagnoses", "evidence"}
    assert (line["id"], line["abstained"], line["model"]) == ("q1", False, "composer")
    first = line["diagnoses"][0]  # type: ignore[index]
    assert first["name"] == "Pulmonary hamartoma"
    assert {
        "rank",
        "name",
        "score",
        "likelihood",
        "probability",
        "codes",
        "must_not_miss",
        "unexplained",
        "statements",
        "next_steps",
    } == set(first)
    evidence = {piece["id"]: piece for piece in line["evidence"]}  # type: ignore[attr-defined]
    for statement in first["statements"] + first["next_steps"]:
        for citation in statement["citations"]:
            text = evidence[citation["evidence"]]["text"]
            assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_what_tells_the_answer_is_never_read(small_library: None, tmp_path: Path) -> None:
    (line,) = consulted(tmp_path, ROW)
    (blind,) = consulted(tmp_path, {key: ROW[key] for key in ("id", "history", "findings")})
    assert line["diagnoses"] == blind["diagnoses"]


def test_nothing_is_stored(small_library: None, tmp_path: Path) -> None:
    consulted(tmp_path, ROW)
    assert not Consultation.objects.exists()


def test_the_same_source_is_left_out(small_library: None, tmp_path: Path) -> None:
    row = ROW | {"source": {"name": "tests", "id": "d1"}}
    (line,) = consulted(tmp_path, row, exclude_same_source=True)
    assert "d1" not in {piece["source_id"] for piece in line["evidence"]}  # type: ignore[attr-defined]


def test_a_copy_of_the_case_under_another_id_is_left_out(small_library: None, tmp_path: Path) -> None:
    case = Case.objects.get(source_id="c1")
    row = {"id": "other", "history": case.history, "findings": case.findings}
    (line,) = consulted(tmp_path, row, exclude_same_source=True)
    assert "c1" not in {piece["source_id"] for piece in line["evidence"]}  # type: ignore[attr-defined]


def test_an_empty_case_is_answered_with_an_abstention(small_library: None, tmp_path: Path) -> None:
    (line,) = consulted(tmp_path, {"id": "empty", "history": None})
    assert line["abstained"] is True
    assert "empty" in line["abstention"]["message"]  # type: ignore[index]


def test_broken_lines_are_named_and_the_rest_is_answered(small_library: None, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(ROW)}\nno json\n[1]\n{json.dumps(ROW | {'id': 'q2'})}\n")
    errors = StringIO()
    with pytest.raises(CommandError, match="2 lines") as failed:
        call_command("consult", input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl", stderr=errors)
    assert failed.value.returncode == 1
    assert "line 2:" in errors.getvalue()
    assert "line 3:" in errors.getvalue()
    assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == ["q1", "q2"]


def test_without_an_index_nothing_is_written(db: None, tmp_path: Path, settings: object) -> None:
    settings.INDEX_ROOT = tmp_path / "none"  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="build_index"):
        consulted(tmp_path, ROW)
    assert not (tmp_path / "out.jsonl").exists()


def test_the_benchmark_names_every_step(small_library: None, tmp_path: Path) -> None:
    Image.new("L", (64, 64), 128).save(tmp_path / "image.png")
    rows = [ROW | {"id": f"b{n}", "images": [{"path": "image.png"}]} for n in range(3)]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("import_library", str(tmp_path / "cases.jsonl"), collection="Bench", publish=True, verbosity=0)
    call_command("build_index", verbosity=0)
    out = StringIO()
    call_command("benchmark_consultation", cases=2, json=True, stdout=out)
    figures = json.loads(out.getvalue())
    assert figures["consultations"] == 2
    assert {"understand", "search", "rank", "write", "check", "whole"} == set(figures["milliseconds"])
