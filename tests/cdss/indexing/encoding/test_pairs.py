"""A cross-encoder by setting: it puts what was found in a better order, and without it a search is what it was."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from cdss.consultations.working import answer
from cdss.evaluation import configuration
from cdss.indexing.encoding import pairs
from cdss.indexing.searching import search_library, search_library_each
from cdss.library.models import LibraryItem
from retrieval.encoders import registry
from retrieval.errors import EncoderError
from retrieval.types import Floats, Query
from tests.retrieval.tiny_cross_encoder import build

DOCUMENTS = [
    {
        "id": f"d{n}", "kind": "literature", "title": f"Report {n}", "source": {"name": "tests", "id": f"d{n}"},
        "text": f"Report {n}. A nodule with popcorn calcification. " + ("It holds fat." if n == 7 else "It was left."),
    }
    for n in range(12)
]  # fmt: skip
ASKED = Query(text="nodule with popcorn calcification", k=3)


class ReadsFat:
    version = "reads-fat@" + "0" * 64
    calls = 0

    def scores(self, query: str, passages: Sequence[str], *, deadline: float) -> Floats:
        type(self).calls += 1
        return np.array([float("fat" in passage) for passage in passages])


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    pairs.forget()
    ReadsFat.calls = 0
    yield
    pairs.forget()


@pytest.fixture
def library(db: None, tmp_path: Path, settings: Any) -> None:
    settings.INDEX_ROOT, settings.RELEVANCE_FLOOR = tmp_path / "indexes", 0.1
    settings.CROSS_ENCODER_WEIGHT = 1.0
    path = tmp_path / "documents.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in DOCUMENTS))
    call_command("import_library", str(path), collection="Tests", publish=True, verbosity=0)
    call_command("build_index", verbosity=0)


@pytest.fixture
def planted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CROSS_ENCODER = "/models/reads-fat"
    monkeypatch.setattr(registry, "pair_scorer", lambda spec, **options: ReadsFat())


def found(query: Query = ASKED) -> list[str]:
    hits = search_library(user=None, query=query).hits
    ids = dict(LibraryItem.objects.values_list("pk", "source_id"))
    return [ids[hit.item] for hit in hits]


def test_the_right_passage_comes_first_even_from_beyond_the_last_place(
    library: None, planted: None, settings: Any
) -> None:
    settings.CROSS_ENCODER = ""
    assert "d7" not in found()
    settings.CROSS_ENCODER = "/models/reads-fat"
    assert found()[0] == "d7"
    assert len(found()) == 3


def test_its_version_is_told_and_kept_with_the_consultation(library: None, planted: None, clinician: User) -> None:
    assert search_library(user=None, query=ASKED).cross_encoder == ReadsFat.version
    row = Consultation.objects.create(user=clinician, findings=ASKED.text)
    answer(row.pk)
    row.refresh_from_db()
    assert row.cross_encoder == ReadsFat.version
    assert row.evidence.get(source_id="d7").scores["pairs"] == 1.0
    assert configuration.current()["cross_encoder"] == ReadsFat.version


def test_a_search_whose_order_does_not_matter_does_without(library: None, planted: None) -> None:
    (result,) = search_library_each(user=None, queries=[ASKED], by_pairs=False)
    assert result.cross_encoder == ""
    assert ReadsFat.calls == 0


def test_weights_that_are_missing_change_nothing_and_are_told(
    library: None, settings: Any, tmp_path: Path, clinician: User
) -> None:
    plain = found()
    settings.CROSS_ENCODER = str(tmp_path / "nowhere")
    assert found() == plain
    row = Consultation.objects.create(user=clinician, findings=ASKED.text)
    answer(row.pk)
    row.refresh_from_db()
    assert row.status != "failed"
    assert row.cross_encoder == pairs.NOT_USED
    (problem,) = [problem for problem in run_checks() if problem.id == "cdss.W002"]
    assert "is no folder" in problem.msg


def test_one_that_fails_at_a_search_changes_nothing(
    library: None, planted: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ReadsFat, query: str, passages: Sequence[str], *, deadline: float) -> Floats:
        raise EncoderError("no numbers")

    settings.CROSS_ENCODER = ""
    plain = found()
    settings.CROSS_ENCODER = "/models/reads-fat"
    monkeypatch.setattr(ReadsFat, "scores", broken)
    assert found() == plain
    assert search_library(user=None, query=ASKED).cross_encoder == pairs.FAILED


def test_without_one_nothing_is_told(library: None) -> None:
    result = search_library(user=None, query=ASKED)
    assert result.cross_encoder == ""
    assert "pairs" not in result.timings_ms
    assert not [problem for problem in run_checks() if problem.id == "cdss.W002"]


def test_a_real_one_of_random_weights_goes_the_whole_way(library: None, settings: Any, tmp_path: Path) -> None:
    settings.CROSS_ENCODER = str(build(tmp_path / "tiny"))
    assert not [problem for problem in run_checks() if problem.id == "cdss.W002"]
    result = search_library(user=None, query=ASKED)
    assert result.cross_encoder.startswith("tiny@")
    assert result.timings_ms["pairs"] > 0
    assert all("pairs" in hit.scores for hit in result.hits)
    assert [hit.rank for hit in result.hits] == [1, 2, 3]
