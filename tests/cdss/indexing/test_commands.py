import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdss.indexing.services import index_build
from cdss.library.models import CaseImage, LibraryItem

Library = dict[str, LibraryItem]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def fails(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert raised.value.returncode == 2
    return raised.value


def test_build_index_prints_data_alone(library: Library, capfd: pytest.CaptureFixture[str]) -> None:
    version = json.loads(run("build_index", "--json"))
    assert version["passages"] == 5
    assert json.loads(run("build_index", "--json")) == version
    assert json.loads(run("build_index", "--rebuild", "--json"))["name"] > version["name"]
    assert capfd.readouterr().out == ""


def test_search_prints_hits_in_the_documented_form(library: Library) -> None:
    index_build()
    hits = json.loads(run("search", "--text", "fracture of the distal radius", "-k", "2", "--json"))
    assert [hit["rank"] for hit in hits] == [1, 2]
    assert list(hits[0]) == ["rank", "kind", "source_id", "title", "text", "score", "scores"]
    assert hits[0]["kind"] == "case"
    assert hits[0]["source_id"] == library["fracture"].source_id
    assert hits[0]["text"] == "Fracture of the distal radius."
    assert set(hits[0]["scores"]) == {"dense", "lexical", "rerank"}
    assert "Colles fracture" in run("search", "--text", "fracture")


def test_search_by_kind_and_image(library: Library, make_image: Callable[..., CaseImage], site: Path) -> None:
    image = make_image(library["fracture"], 3)
    index_build()
    papers = json.loads(run("search", "--text", "fracture", "--kind", "literature", "--json"))
    assert [hit["kind"] for hit in papers] == ["literature"]
    path = str(site / "media" / str(image.file))
    hit = json.loads(run("search", "--image", path, "--json"))[0]
    assert hit["scores"]["image"] == pytest.approx(1, abs=1e-5)
    assert hit["text"] == "Fall on the hand."


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_a_file_of_queries_is_answered_line_by_line(
    library: Library, make_image: Callable[..., CaseImage], tmp_path: Path
) -> None:
    image = make_image(library["fracture"], 3)
    index_build()
    (tmp_path / "queries" / "images").mkdir(parents=True)
    (tmp_path / "media" / str(image.file)).rename(tmp_path / "queries" / "images" / "one.png")
    source = lines(
        tmp_path / "queries" / "queries.jsonl",
        {"id": "a", "text": "fracture of the distal radius", "k": 1},
        {"id": 2, "text": "fracture of the distal radius", "exclude_source_ids": [library["fracture"].source_id]},
        "",
        {"id": "c", "image": "images/one.png", "text": None, "kind": "case", "k": 1},
    )
    assert run("search", "--input", str(source), "--output", str(tmp_path / "hits.jsonl")) == ""
    answers = {row["id"]: row["hits"] for row in map(json.loads, (tmp_path / "hits.jsonl").open())}
    assert list(answers) == ["a", 2, "c"]
    assert [hit["source_id"] for hit in answers["a"]] == [library["fracture"].source_id]
    assert library["fracture"].source_id not in [hit["source_id"] for hit in answers[2]]
    assert [hit["source_id"] for hit in answers["c"]] == [library["fracture"].source_id]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2: this is not JSON"),
        ({"text": "no id"}, 'line 2: write an object with an "id"'),
        ({"id": 1}, "line 2: give a text or an image"),
        ({"id": 1, "text": 5}, "line 2: text 5: this is not text"),
        ({"id": 1, "text": "a", "k": "ten"}, "line 2: k 'ten'"),
        ({"id": 1, "text": "a", "k": 0}, "line 2: k=0"),
        ({"id": 1, "text": "a", "kind": "book"}, "line 2: kind 'book': write one of case"),
        ({"id": 1, "text": "a", "kindd": "case"}, "line 2: kindd: known keys are"),
        ({"id": 1, "image": "missing.png"}, "line 2: missing.png"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(library: Library, tmp_path: Path, row: Any, message: str) -> None:
    index_build()
    source = lines(tmp_path / "queries.jsonl", {"id": 0, "text": "fracture"}, row)
    target = tmp_path / "hits.jsonl"
    target.write_text("the answers of before")
    assert message in str(fails("search", "--input", str(source), "--output", str(target)))
    assert target.read_text() == "the answers of before"
    assert not list(tmp_path.glob(".hits*"))


@pytest.mark.parametrize(
    "arguments", [[], ["--input", "a"], ["--output", "a"], ["--text", "a", "--input", "b", "--output", "c"]]
)
def test_a_wrong_use_is_explained(db: None, arguments: list[str]) -> None:
    assert "Give --text or --image, or else --input with --output." in str(fails("search", *arguments))


def test_search_without_an_index_names_the_remedy(db: None) -> None:
    assert "manage.py build_index" in str(fails("search", "--text", "a"))


def test_missing_input_is_named(db: None, tmp_path: Path) -> None:
    assert "missing.jsonl" in str(fails("search", "--input", str(tmp_path / "missing.jsonl"), "--output", "x"))
