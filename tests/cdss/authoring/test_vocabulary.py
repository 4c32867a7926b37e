"""Codes suggested while one types."""

import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.authoring import vocabulary
from cdss.authoring.vocabulary import ANATOMY, HPO, ICD, RADLEX, VocabularyError, suggestions

RADLEX_LINES = "id\tname\tsynonyms\nRID28530\tzebrafold sign\tfolded zebra|striped fold\nRID1\tzebra\t\nX\tbroken\t\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vocabulary")


@pytest.fixture(autouse=True)
def kept(settings: Any, place: Path) -> None:
    settings.MODELS_ROOT = place


def test_the_name_that_was_typed_comes_first() -> None:
    first, second, *_ = suggestions("atelectasis")
    assert {(first.system, first.code), (second.system, second.code)} == {(HPO, "HP:0100750"), (ICD, "J98.11")}
    assert suggestions("kidney")[0].system == ANATOMY
    assert suggestions("fracture shaft femur")[0].code == "S72.3"


def test_every_word_is_the_beginning_of_one() -> None:
    for term in suggestions("pulm nod"):
        words = f" {term.display} {term.found_by}".lower().replace("-", " ")
        assert " pulm" in words
        assert " nod" in words


def test_a_synonym_leads_to_its_term() -> None:
    found = [term for term in suggestions("nephropathy", system=HPO) if term.found_by]
    assert found
    assert all(term.code.startswith("HP:") for term in found)


@pytest.mark.parametrize("text", ["", " ", "x", "zzzzqq", "\t\n", "%", "a" * 5000, "(" * 50, "\x00"])
def test_what_finds_nothing(text: str) -> None:
    assert suggestions(text) == []


def test_it_is_quick() -> None:
    suggestions("warm")
    slowest = 0.0
    for text in ("pn", "fracture", "the", "unspecified", "left upper lobe", "diabetes mellitus with"):
        started = time.process_time()
        suggestions(text)
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 0.1


def test_a_site_brings_radlex(settings: Any, tmp_path: Path) -> None:
    assert not [term for term in suggestions("zebra") if term.system == RADLEX]
    file = tmp_path / "radlex.tsv"
    file.write_text(RADLEX_LINES)
    settings.RADLEX = str(file)
    found = [term for term in suggestions("zebra") if term.system == RADLEX]
    assert [(term.code, term.display, term.found_by) for term in found] == [
        ("RID1", "zebra", ""),
        ("RID28530", "zebrafold sign", ""),
    ]
    assert suggestions("striped fold")[0].found_by == "striped fold"


def test_a_table_that_cannot_be_read_is_said(settings: Any, tmp_path: Path, client: Client, educator: User) -> None:
    settings.RADLEX = str(tmp_path / "none.tsv")
    with pytest.raises(VocabularyError, match="no such file"):
        suggestions("nodule")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("code,label\n1,x\n")
    settings.RADLEX = str(wrong)
    client.force_login(educator)
    answer = client.get("/authoring/suggest/", {"q": "nodule"}).json()
    assert "columns id and name" in answer["problem"]
    assert not list(vocabulary._path().parent.glob(vocabulary._path().name))
