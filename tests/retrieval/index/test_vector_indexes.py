"""One contract for every vector index: exact ones give what plain numpy gives, scores and ids."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.errors import IndexUnusableError
from retrieval.index import faiss as faiss_index
from retrieval.index.faiss import FaissIndex
from retrieval.index.numpy import NumpyIndex
from retrieval.index.pgvector import GrowingPgVectorIndex, PgVectorIndex
from retrieval.types import VectorIndex
from tests.postgres import postgres

DIMENSION = 4
IDS = st.integers(0, 40)
# Small whole numbers: their products are exact in float32, so that ties are ties in every engine.
VECTORS = st.lists(st.integers(-2, 2), min_size=DIMENSION, max_size=DIMENSION)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.tuples(IDS, VECTORS), max_size=25)),
        st.tuples(st.just("remove"), st.lists(IDS, max_size=8)),
    ),
    max_size=5,
)
ALLOWED = st.one_of(st.none(), st.lists(st.integers(0, 50), max_size=30), st.just([7, 10**12]))


def array(values: Any, dtype: Any = np.float32) -> Any:
    return np.array(values, dtype=dtype)


def apply(index: VectorIndex, changes: list[tuple[str, list[Any]]]) -> list[int]:
    removed = []
    for change, values in changes:
        if change == "add":
            index.add(array([i for i, _ in values], np.int64), array([v for _, v in values]).reshape(-1, DIMENSION))
        else:
            removed.append(index.remove(array(values, np.int64)))
    return removed


def same(one: VectorIndex, other: VectorIndex, queries: Any, k: int, allowed: Any) -> None:
    for left, right in zip(one.search(queries, k, allowed), other.search(queries, k, allowed), strict=True):
        np.testing.assert_array_equal(left, right)


@given(CHANGES, st.lists(VECTORS, min_size=1, max_size=3), st.integers(1, 12), ALLOWED)
@settings(max_examples=150, deadline=None)
def test_faiss_gives_what_numpy_gives(
    changes: list[Any], queries: list[list[int]], k: int, allowed: list[int] | None
) -> None:
    oracle, index = NumpyIndex(DIMENSION), FaissIndex(DIMENSION)
    assert apply(index, changes) == apply(oracle, changes)
    assert len(index) == len(oracle)
    same(index, oracle, array(queries), k, None if allowed is None else array(allowed, np.int64))


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_faiss_and_numpy_agree_on_unit_vectors(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((80, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    oracle, index = NumpyIndex(32), FaissIndex(32)
    for each in (oracle, index):
        each.add(np.arange(80), vectors)
    scores, ids = index.search(vectors[:2], k)
    expected_scores, expected_ids = oracle.search(vectors[:2], k)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    import psycopg

    with postgres() as url, psycopg.connect(url, autocommit=True) as opened:
        yield opened


@pytest.mark.pg
@given(CHANGES, st.lists(VECTORS, min_size=1, max_size=2), st.integers(1, 12), ALLOWED)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pgvector_gives_what_numpy_gives(
    connection: Any, changes: list[Any], queries: list[list[int]], k: int, allowed: list[int] | None
) -> None:
    connection.execute("DROP TABLE IF EXISTS vectors_of_tests")
    oracle, index = NumpyIndex(DIMENSION), PgVectorIndex(connection, "vectors_of_tests", DIMENSION)
    assert apply(index, changes) == apply(oracle, changes)
    assert len(index) == len(oracle)
    same(index, oracle, array(queries), k, None if allowed is None else array(allowed, np.int64))


@pytest.mark.pg
def test_a_copy_of_a_pgvector_table_searches_alike(connection: Any, tmp_path: Path) -> None:
    connection.execute("DROP TABLE IF EXISTS copied")
    index = PgVectorIndex(connection, "copied", DIMENSION)
    index.add(array([3, 9], np.int64), array([[1, 0, 0.25, 1 / 3], [0, 1, 0, 0]]))
    index.save(tmp_path / "copy.npz")
    copy = NumpyIndex.from_bytes((tmp_path / "copy.npz").read_bytes())
    same(copy, index, array([[1, 0, 1, 0]]), 2, None)
    with pytest.raises(IndexUnusableError, match="width 5: use another"):
        PgVectorIndex(connection, "copied", 5)


@pytest.fixture
def graph(connection: Any) -> tuple[PgVectorIndex, NumpyIndex]:
    """A table that outgrew comparing one by one, with the oracle beside it."""
    random = np.random.default_rng(3)
    centres = random.standard_normal((40, 32))
    vectors = (centres[random.integers(0, 40, 3000)] + 0.3 * random.standard_normal((3000, 32))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    connection.execute("DROP TABLE IF EXISTS graphed")
    index, oracle = PgVectorIndex(connection, "graphed", 32, exact_up_to=500), NumpyIndex(32)
    for each in (index, oracle):
        each.add(np.arange(3000), vectors)
    index.finish()
    return index, oracle


@pytest.mark.pg
def test_a_graph_finds_nearly_all_and_nothing_forbidden(
    connection: Any, graph: tuple[PgVectorIndex, NumpyIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, oracle = graph
    queries = oracle._vectors[:40]
    query = str([1.0] * 32)
    statement = "EXPLAIN SELECT id FROM graphed ORDER BY vector <#> %s::halfvec LIMIT 10"
    plan = "".join(row[0] for row in connection.execute(statement, [query]))
    assert "graphed_graph" in plan
    assert recall(index, oracle, queries) >= 0.95
    for share, exact_filtered in ((100, 30.0), (100, 0.0), (3, 0.0)):
        monkeypatch.setattr("retrieval.index.pgvector.EXACT_FILTERED", exact_filtered)
        allowed = np.arange(0, 3000, share)
        assert recall(index, oracle, queries, allowed) >= 0.95
        assert set(index.search(queries, 10, allowed)[1].ravel()) <= set(allowed) | {-1}


@pytest.mark.pg
def test_many_allowed_ids_are_a_filter_like_few(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.index.pgvector._BY_ID", 10)
    connection.execute("DROP TABLE IF EXISTS allowed_many")
    oracle, index = NumpyIndex(2), PgVectorIndex(connection, "allowed_many", 2)
    for each in (oracle, index):
        each.add(array([1, 2, 5_000, 9_999_999], np.int64), array([[1, 0], [1, 1], [2, 0], [3, 0]]))
    for allowed in (np.arange(1, 6_000), np.arange(2, 4_500), np.append(np.arange(3_000), 10**11)):
        same(index, oracle, array([[1, 0]]), 4, allowed)


@pytest.mark.pg
def test_what_another_process_added_is_not_given_to_who_does_not_know_it(connection: Any) -> None:
    connection.execute("DROP TABLE IF EXISTS known")
    index = PgVectorIndex(connection, "known", 2)
    index.add(array([1, 2, 3], np.int64), array([[1, 0], [3, 0], [2, 0]]))
    reader = PgVectorIndex(connection, "known", 2, make=False, known=array([1, 3], np.int64))
    assert reader.search(array([[1, 0]]), 3)[1].tolist() == [[3, 1, -1]]
    assert reader.search(array([[1, 0]]), 3, array([1, 2], np.int64))[1].tolist() == [[1, -1, -1]]
    assert reader.ids.tolist() == [1, 3]
    assert len(reader) == 2


@pytest.mark.pg
def test_what_is_removed_from_a_growing_index_stays_until_the_version_before_is_done_with(connection: Any) -> None:
    connection.execute("DROP TABLE IF EXISTS growing")
    index = GrowingPgVectorIndex(connection, "growing", 2)
    index.add(array([1, 2], np.int64), array([[1, 0], [3, 0]]))
    assert index.remove(array([2, 7], np.int64)) == 1
    assert index.ids.tolist() == [1]
    assert len(index) == 1
    assert PgVectorIndex(connection, "growing", 2).ids.tolist() == [1, 2]
    assert index.remove_gone() == 1
    assert PgVectorIndex(connection, "growing", 2).ids.tolist() == [1]


@pytest.mark.pg
def test_a_table_that_has_a_graph_grows_into_the_next_version(connection: Any) -> None:
    connection.execute("DROP TABLE IF EXISTS grown")
    rows = np.random.default_rng(5).normal(size=(40, 8)).astype(np.float32)
    first = PgVectorIndex(connection, "grown", 8, exact_up_to=20)
    first.add(np.arange(40), rows)
    first.finish()
    base = GrowingPgVectorIndex(connection, "grown", 8)
    assert (len(base), base.ids.tolist()) == (40, list(range(40)))
    base.add(array([40], np.int64), rows[:1])
    assert base.remove(array([3], np.int64)) == 1
    assert (len(base), 3 in base.ids, 40 in base.ids) == (40, False, True)
    assert base.remove_gone() == 1
    assert len(PgVectorIndex(connection, "grown", 8)) == 40


@pytest.mark.pg
def test_what_halves_cannot_hold_and_a_table_that_is_not_there_are_told(connection: Any) -> None:
    connection.execute("DROP TABLE IF EXISTS halves")
    with pytest.raises(IndexUnusableError, match="not there"):
        PgVectorIndex(connection, "halves", 2, make=False)
    index = PgVectorIndex(connection, "halves", 2)
    with pytest.raises(ValueError, match="65504"):
        index.add(array([1], np.int64), array([[70_000, 0]]))
    assert len(index) == 0


def test_a_pgvector_table_name_is_never_sql() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        PgVectorIndex(None, "a; DROP TABLE b", 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [NumpyIndex, FaissIndex])
def test_a_wrong_shape_is_refused_with_both_shapes(kind: type[VectorIndex]) -> None:
    index = kind(4)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"\(1, 3\).*\(n, 4\)"):
        index.add(array([1], np.int64), array([[1, 2, 3]]))
    with pytest.raises(ValueError, match="not finite"):
        index.add(array([1], np.int64), array([[1, 2, 3, np.nan]]))
    with pytest.raises(ValueError, match="not negative"):
        index.add(array([-1], np.int64), array([[1, 2, 3, 4]]))
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        index.search(array([[1, 2]]), 3)
    with pytest.raises(ValueError, match="k=0"):
        index.search(array([[1, 2, 3, 4]]), 0)
    assert len(index) == 0


@pytest.mark.parametrize("kind", [NumpyIndex, FaissIndex])
def test_fewer_than_k_are_filled_up(kind: type[VectorIndex]) -> None:
    index = kind(2)  # type: ignore[call-arg]
    assert index.search(array([[1, 0]]), 2)[1].tolist() == [[-1, -1]]
    index.add(array([5], np.int64), array([[1, 0]]))
    scores, ids = index.search(array([[1, 0]]), 2)
    assert ids.tolist() == [[5, -1]]
    assert scores.tolist() == [[1.0, -np.inf]]
    assert index.search(array([[1, 0]]), 2, array([], np.int64))[1].tolist() == [[-1, -1]]


def test_what_was_saved_searches_alike(tmp_path: Path) -> None:
    index = FaissIndex(4)
    index.add(np.arange(50), np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32))
    index.save(tmp_path / "index")
    read = FaissIndex.from_bytes((tmp_path / "index").read_bytes(), kind=index.kind)
    same(read, index, array([[1, 2, 3, 4]]), 7, None)
    assert read.remove(np.arange(10)) == 10


@pytest.mark.parametrize("damage", [lambda data: data[:40], lambda data: b"IxFI" + data[4:], lambda data: b""])
def test_bytes_that_are_no_index_are_refused(tmp_path: Path, damage: Any) -> None:
    index = FaissIndex(4)
    index.add(np.arange(50), np.ones((50, 4), np.float32))
    index.save(tmp_path / "index")
    with pytest.raises(IndexUnusableError):
        FaissIndex.from_bytes(damage((tmp_path / "index").read_bytes()), kind="Flat")


def test_the_kind_follows_the_size() -> None:
    assert faiss_index.factory(0) == faiss_index.factory(50_000) == "Flat"
    assert faiss_index.factory(100_000) == "IVF1024,RaBitQ+8"
    assert faiss_index.factory(1_000_000) == "IVF4096,RaBitQ+8"


@pytest.fixture
def inverted(monkeypatch: pytest.MonkeyPatch) -> tuple[FaissIndex, NumpyIndex]:
    """An index that outgrew the exact kind, with the oracle beside it."""
    monkeypatch.setattr(faiss_index, "EXACT_UP_TO", 500)
    random = np.random.default_rng(3)
    centres = random.standard_normal((40, 32))
    vectors = (centres[random.integers(0, 40, 4000)] + 0.3 * random.standard_normal((4000, 32))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index, oracle = FaissIndex(32), NumpyIndex(32)
    for each in (index, oracle):
        each.add(np.arange(400), vectors[:400])
        each.add(np.arange(400, 4000), vectors[400:])
    return index, oracle


def stored(index: FaissIndex, folder: Path) -> FaissIndex:
    index.save(folder / "index.faiss")
    data, lists = (folder / "index.faiss").read_bytes(), (folder / "index.lists").read_bytes()
    return FaissIndex.from_bytes(data, kind=index.kind, lists=lists)


def recall(index: VectorIndex, oracle: VectorIndex, queries: Any, allowed: Any = None) -> float:
    pairs = zip(index.search(queries, 10, allowed)[1], oracle.search(queries, 10, allowed)[1], strict=True)
    return float(np.mean([len(set(found) & set(expected)) / 10 for found, expected in pairs]))


def test_a_grown_index_finds_nearly_all(inverted: tuple[FaissIndex, NumpyIndex]) -> None:
    index, oracle = inverted
    queries = oracle._vectors[:50]
    assert index.kind.startswith("IVF")
    assert len(index) == len(oracle) == 4000
    assert recall(index, oracle, queries) >= 0.9
    # One in a hundred is allowed: every list is visited, and nothing else comes back.
    allowed = np.arange(0, 4000, 100)
    assert recall(index, oracle, queries, allowed) >= 0.9
    assert set(index.search(queries, 10, allowed)[1].ravel()) <= set(allowed) | {-1}


def test_a_grown_index_keeps_its_ids_when_some_go(inverted: tuple[FaissIndex, NumpyIndex], tmp_path: Path) -> None:
    index, oracle = inverted
    assert index.remove(np.arange(1000)) == oracle.remove(np.arange(1000)) == 1000
    read = stored(index, tmp_path)
    assert set(read.ids) == set(range(1000, 4000))
    assert read.remove(array([1500, 1501], np.int64)) == oracle.remove(array([1500, 1501], np.int64)) == 2
    read.add(array([2000], np.int64), oracle._vectors[5:6])
    oracle.add(array([2000], np.int64), oracle._vectors[5:6])
    assert len(read) == len(oracle)
    assert recall(read, oracle, oracle._vectors[:50]) >= 0.9
