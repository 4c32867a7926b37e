"""Another encoder is set while the site is searched: the old index serves with the old one until the new is there."""

import threading
from collections import Counter
from typing import Any

import pytest

from cdss.indexing.engine import forget_engine, get_engine
from cdss.indexing.models import IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.library.models import LibraryItem
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.index.faiss import FaissIndex
from retrieval.types import Query
from tests.figures import Figure


class Marked(HashingTextEncoder):
    """Vectors of the same width that say which encoder made them, by their length in the last place."""

    def __init__(self, number: int) -> None:
        super().__init__(dimension=64)
        self.number = number

    @property
    def version(self) -> str:
        return f"marked@{self.number}"


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The setting and what it makes of each name that is stored in a version."""
    made = {f"marked@{number}": Marked(number) for number in range(60)}
    chosen: dict[str, Any] = {"now": made["marked@0"], "made": made}
    monkeypatch.setattr("cdss.indexing.services.text_encoder", lambda: chosen["now"])
    for place in ("engine", "services"):
        real = __import__(f"cdss.indexing.{place}", fromlist=["encoders_of"]).encoders_of
        monkeypatch.setattr(
            f"cdss.indexing.{place}.encoders_of", lambda name, real=real: (made[name], real("hashing-1")[1])
        )
    return chosen


@pytest.mark.parametrize("swaps", [3, pytest.param(50, marks=pytest.mark.faults)])
def test_no_search_crosses_versions(
    library: dict[str, LibraryItem],
    encoders: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
    swaps: int,
) -> None:
    asked: threading.local = threading.local()
    crossed, searches, served = [], 0, Counter[str]()
    encode, search = HashingTextEncoder.encode, FaissIndex.search

    def encoding(self: HashingTextEncoder, texts: list[str]) -> Any:
        asked.by = self.version
        return encode(self, texts)

    def searching(self: FaissIndex, *args: Any, **kwargs: Any) -> Any:
        engine = get_engine()
        if self is engine.snapshot.text and asked.by != engine.snapshot.manifest.text_encoder:
            crossed.append(asked.by)
        return search(self, *args, **kwargs)

    monkeypatch.setattr(HashingTextEncoder, "encode", encoding)
    monkeypatch.setattr(FaissIndex, "search", searching)
    index_build()
    for number in range(1, swaps + 1):
        encoders["now"] = encoders["made"][f"marked@{number}"]

        def ask() -> None:
            nonlocal searches
            # Not the words of the search before: these an engine need not encode again.
            found = search_library(user=None, query=Query(text=f"fracture of the distal radius {searches}"))
            searches += 1
            served[found.text_encoder] += 1
            assert found.hits[0].item == library["fracture"].pk
            assert found.text_encoder == IndexVersion.objects.get(name=found.index_version).text_encoder

        ask()
        assert get_engine().snapshot.manifest.text_encoder == f"marked@{number - 1}"
        index_build(progress=lambda step, done, total: ask())
        ask()
        assert get_engine().snapshot.manifest.text_encoder == f"marked@{number}"
        forget_engine()
        ask()
    figure("encoder swapped", swaps=swaps, searches=searches, across_versions=len(crossed))
    assert crossed == []
    assert set(served) == {f"marked@{number}" for number in range(swaps + 1)}
