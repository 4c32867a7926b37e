"""All indexes are deleted and made again from the stored vectors, also when that is cut short."""

import random
import shutil
from itertools import count
from pathlib import Path

import pytest

from cdss.indexing.encoding import embedding
from cdss.indexing.engine import forget_engine
from cdss.indexing.models import IndexVersion, PassageEmbedding
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.library.models import LibraryItem
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.types import Query
from tests.cdss.faults.programs import WORDS
from tests.cdss.indexing.conftest import MakeItem
from tests.figures import Figure

NUMBERS = count()


def text_of(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) + rng.choice(("", "s", "-like")) for _ in range(rng.randint(8, 30)))


def top(texts: list[str]) -> list[set[int]]:
    return [{hit.item for hit in search_library(user=None, query=Query(text=text, k=10)).hits} for text in texts]


@pytest.mark.parametrize("items", [40, pytest.param(1500, marks=pytest.mark.faults)])
def test_a_rebuilt_index_finds_the_same(make_document: MakeItem, site: Path, figure: Figure, items: int) -> None:
    rng = random.Random(items)
    for _ in range(items):
        make_document(f"Synthetic {rng.choice(WORDS)}", text_of(rng))
    index_build()
    asked = [text_of(rng) for _ in range(30 if items < 100 else 200)]
    before = top(asked)
    shutil.rmtree(site / "indexes")
    forget_engine()
    index_build()
    after = top(asked)
    overlap = sum(len(a & b) for a, b in zip(before, after, strict=True)) / sum(map(len, before))
    figure("rebuild from stored vectors", items=items, queries=len(asked), top10_overlap=round(overlap, 4))
    assert overlap >= 0.99


def test_what_was_encoded_before_a_kill_is_not_encoded_again(
    make_document: MakeItem, library: dict[str, LibraryItem], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PASSAGES_AT_ONCE", 2)
    encoded: list[str] = []
    encode = HashingTextEncoder.encode
    monkeypatch.setattr(HashingTextEncoder, "encode", lambda self, texts: encoded.extend(texts) or encode(self, texts))
    for stopped_at in (2, 4):

        def stop(step: str, done: int, total: int, at: int = stopped_at) -> None:
            if done and PassageEmbedding.objects.count() >= at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            index_build(progress=stop)
    index_build()
    assert len(encoded) == len(set(encoded)) == PassageEmbedding.objects.count() == 5
    shutil.rmtree(site / "indexes")
    index_build()
    assert len(encoded) == 5
    assert IndexVersion.objects.count() == 2
