"""A truncated or bit-flipped index is told by its checksum before it is parsed; what is stored is searched."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cdss.indexing.engine import forget_engine
from cdss.indexing.models import IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.indexing.versions.checking import index_check
from cdss.indexing.versions.standby import STORED, WORDS
from cdss.library.models import CaseImage, LibraryItem
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.errors import IndexUnusableError
from retrieval.index.faiss import FaissIndex
from retrieval.index.snapshot import Snapshot
from retrieval.types import Query
from tests.figures import Figure

Mutation = Callable[[random.Random, bytes], bytes]


def flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def zeroed(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]


def lengthened(rng: random.Random, data: bytes) -> bytes:
    return data + rng.randbytes(rng.randint(1, 64))


def exchanged(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[at:] + data[:at]


MUTATIONS: list[Mutation] = [flipped, truncated, zeroed, lengthened, exchanged]


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.faults)])
def test_every_mutation_is_caught_before_it_is_loaded(
    library: dict[str, LibraryItem],
    make_image: Callable[..., CaseImage],
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
    count: int,
) -> None:
    make_image(library["embolism"], 1)
    version = index_build()
    folder, rng = site / "indexes" / version.name, random.Random(count)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    parsed: list[str] = []
    monkeypatch.setattr(FaissIndex, "from_bytes", lambda *args, **kwargs: parsed.append("vectors"))
    monkeypatch.setattr("retrieval.index.snapshot._array", lambda *args: parsed.append("table"))
    caught = made = 0
    while made < count:
        path = rng.choice(files)
        data = path.read_bytes()
        changed = rng.choice(MUTATIONS)(rng, data)
        if changed == data:
            continue
        made += 1
        path.write_bytes(changed)
        try:
            Snapshot.load(folder, manifest_sha256=version.manifest_sha256)
        except IndexUnusableError:
            caught += 1
        path.write_bytes(data)
    figure("mutations of an index", made=made, caught=caught, parsed=len(parsed))
    assert (caught, parsed) == (count, [])


def found(text: str) -> tuple[list[int], str]:
    answer = search_library(user=None, query=Query(text=text))
    return [hit.item for hit in answer.hits], answer.index_version


def test_the_stored_vectors_are_searched_while_no_version_is_whole(library: dict[str, LibraryItem], site: Path) -> None:
    version = index_build()
    (site / "indexes" / version.name / "text.faiss").write_bytes(b"damaged")
    forget_engine()
    items, answered_by = found("fracture of the distal radius")
    assert set(items[:2]) == {library["fracture"].pk, library["paper"].pk}
    assert answered_by == STORED
    library["paper"].delete()
    assert set(found("fracture of the distal radius")[0]) == {library["fracture"].pk, library["embolism"].pk}
    assert index_check().repaired
    items, answered_by = found("fracture of the distal radius")
    assert items[0] == library["fracture"].pk
    assert answered_by == IndexVersion.objects.first().name


def test_a_deleted_index_is_searched_until_it_is_made_again(library: dict[str, LibraryItem], site: Path) -> None:
    index_build()
    shutil.rmtree(site / "indexes")
    forget_engine()
    assert found("filling defect")[1] == STORED
    assert index_check().repaired
    assert found("filling defect")[1] != STORED


def test_an_index_of_another_encoder_is_searched_by_its_words(
    library: dict[str, LibraryItem], make_image: Callable[..., CaseImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_image(library["fracture"], 1)
    index_build()
    other = HashingTextEncoder(dimension=64)
    monkeypatch.setattr("cdss.indexing.services.text_encoder", lambda: other)
    monkeypatch.setattr("cdss.indexing.encoding.encoders._text_encoder", lambda spec, name: other)
    forget_engine()
    asked = "fracture of the distal radius"
    items, answered_by = found(asked)
    assert (items[0], answered_by) == (library["fracture"].pk, WORDS)
    assert all("dense" not in hit.scores for hit in search_library(user=None, query=Query(text=asked)).hits)
    version = index_build()
    assert found(asked)[1] == version.name


def test_a_large_library_says_what_is_happening(
    library: dict[str, LibraryItem], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_build()
    shutil.rmtree(site / "indexes")
    forget_engine()
    monkeypatch.setattr("cdss.indexing.versions.standby.MOST_PASSAGES", 4)
    with pytest.raises(IndexUnusableError, match="build_index --rebuild"):
        found("filling defect")
