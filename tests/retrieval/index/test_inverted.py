"""Search by lists: what it finds beside plain numpy, under filters and changes, and how much it was told to do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.errors import IndexUnusableError
from retrieval.index import container, inverted
from retrieval.index import faiss as faiss_index
from retrieval.index.faiss import FaissIndex
from retrieval.index.inverted import Effort, InvertedIndex
from retrieval.index.loading import load_faiss
from retrieval.index.numpy import NumpyIndex
from retrieval.index.tuning import PROMISED, Sample, measured, tuned

COUNT, WIDTH = 4000, 96


def drawn(count: int = COUNT, seed: int = 0) -> Any:
    centres = np.random.default_rng(0).standard_normal((60, WIDTH))
    random = np.random.default_rng(seed + 1)
    vectors = centres[random.integers(0, 60, count)] + 0.5 * random.standard_normal((count, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors() -> Any:
    return drawn()


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch, vectors: Any) -> tuple[FaissIndex, NumpyIndex]:
    monkeypatch.setattr(faiss_index, "EXACT_UP_TO", 500)
    monkeypatch.setattr(inverted, "DIRECT", 50)
    monkeypatch.setattr(inverted, "BY_LISTS", 1500)
    index, oracle = FaissIndex(WIDTH), NumpyIndex(WIDTH)
    for each in (index, oracle):
        for start in range(0, COUNT, 900):
            each.add(np.arange(start, min(start + 900, COUNT)) * 3, vectors[start : start + 900])
    return index, oracle


def recall(index: FaissIndex, oracle: NumpyIndex, questions: Any, allowed: Any = None) -> float:
    found, expected = (each.search(questions, 10, allowed)[1] for each in (index, oracle))
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, expected, strict=True)]))


def test_lists_are_made_of_everything_that_was_added(grown: tuple[FaissIndex, NumpyIndex], vectors: Any) -> None:
    index, oracle = grown
    assert len(index) == COUNT
    assert index.kind == "IVF256,RaBitQ+8"
    assert recall(index, oracle, drawn(40, seed=5)) >= 0.95
    scores, ids = index.search(vectors[:5], 3)
    np.testing.assert_array_equal(ids[:, 0], np.arange(5) * 3)
    np.testing.assert_allclose(scores[:, 0], 1.0, atol=1e-3)


@pytest.mark.parametrize("share", [0.005, 0.05, 0.2, 0.4, 0.9])
def test_a_filter_of_any_size_lets_nothing_else_through(grown: tuple[FaissIndex, NumpyIndex], share: float) -> None:
    index, oracle = grown
    allowed = np.sort(np.random.default_rng(2).choice(COUNT, int(share * COUNT), replace=False)) * 3
    questions = drawn(30, seed=6)
    assert recall(index, oracle, questions, allowed) >= 0.95
    for _ in range(2):
        assert set(index.search(questions, 10, allowed)[1].ravel()) <= set(allowed.tolist())


@pytest.mark.parametrize("size", [30, 600, 2000])
def test_a_corner_far_from_the_question_is_searched_all_the_same(
    grown: tuple[FaissIndex, NumpyIndex], vectors: Any, size: int
) -> None:
    """The lists nearest to the question may hold none of what is allowed."""
    index, oracle = grown
    questions = vectors[vectors @ vectors[1] < 0.1][:20]
    allowed = np.sort(np.argsort(vectors @ vectors[1])[-size:]) * 3
    assert recall(index, oracle, questions, allowed) >= 0.85
    assert (index.search(questions, 10, allowed)[1] >= 0).all()


def test_a_deep_search_visits_more_lists_than_a_short_one(monkeypatch: pytest.MonkeyPatch, vectors: Any) -> None:
    monkeypatch.setattr(inverted, "_VISITED_PER_HIT", 4)
    monkeypatch.setattr(inverted, "_REACH_OF_LISTS", 2.0)
    index, oracle = InvertedIndex(np.arange(COUNT), vectors), NumpyIndex(WIDTH)
    oracle.add(np.arange(COUNT), vectors)
    index.effort, questions = Effort(probes=16, candidates=10), drawn(40, seed=17)
    found, expected = (each.search(questions, 100)[1] for each in (index, oracle))
    assert np.mean([len(set(a) & set(b)) / 100 for a, b in zip(found, expected, strict=True)]) >= 0.99


def test_lists_too_far_away_for_one_of_the_best_are_not_visited(
    grown: tuple[FaissIndex, NumpyIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, oracle = grown
    assert index.tuning is not None
    assert index._inverted is not None
    index._inverted.effort = Effort(probes=256, candidates=40)
    visited: list[Any] = []
    candidates = inverted._candidates

    def watched(lists: Any, queries: Any, wanted: int, nearest: Any, chosen: Any, parameters: Any) -> Any:
        visited.append(chosen)
        return candidates(lists, queries, wanted, nearest, chosen, parameters)

    monkeypatch.setattr(inverted, "_candidates", watched)
    questions = drawn(30, seed=19)
    for length in (1.0, 7.0):
        visited.clear()
        assert recall(index, oracle, questions * np.float32(length), None) >= 0.95
        assert 40 * 10 / COUNT <= (np.concatenate(visited) >= 0).mean() < 0.5
    monkeypatch.setattr(inverted, "_REACH_OF_LISTS", 0.0)
    visited.clear()
    index.search(questions, 10)
    # However far away: forty vectors for each hit.
    assert ((np.concatenate(visited) >= 0).sum(axis=1) == np.ceil(40 * 10 * 256 / COUNT)).all()


def test_rows_that_cannot_be_among_the_best_are_not_looked_at(
    grown: tuple[FaissIndex, NumpyIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, oracle = grown
    assert index.tuning is not None
    monkeypatch.setattr(inverted, "_FIRST", 40)
    monkeypatch.setattr(inverted, "_VISITED_PER_HIT", 4)
    scored: list[int] = []
    scores = InvertedIndex.scores

    def counting(self: InvertedIndex, query: Any, rows: Any, closeness: Any = None) -> Any:
        scored.append(len(rows))
        return scores(self, query, rows, closeness)

    monkeypatch.setattr(InvertedIndex, "scores", counting)
    assert index._inverted is not None
    index._inverted.effort = Effort(probes=16, candidates=40, filtered=COUNT)
    allowed, questions = np.arange(0, 3 * 1400, 3), drawn(30, seed=8)
    assert recall(index, oracle, questions, allowed) >= 0.95
    assert len(scored) == 2 * len(questions)
    assert sum(scored) < len(questions) * len(allowed) / 4


def test_ids_that_are_not_there_and_more_than_there_are(grown: tuple[FaissIndex, NumpyIndex], vectors: Any) -> None:
    index, _ = grown
    allowed = np.array([3, 4, 5, 6, 10**12, -7], dtype=np.int64)
    scores, ids = index.search(vectors[:2], 5, allowed)
    assert set(ids.ravel()) == {3, 6, -1}
    assert np.isneginf(scores[ids == -1]).all()
    assert (index.search(vectors[:1], 5, np.zeros(0, np.int64))[1] == -1).all()
    found = index.search(vectors[:1], COUNT + 10)[1][0]
    assert len(set(found.tolist()) - {-1}) >= 0.95 * COUNT


def test_every_id_asked_for_is_scored_however_many(grown: tuple[FaissIndex, NumpyIndex], vectors: Any) -> None:
    index, oracle = grown
    wanted = np.arange(0, 3 * 900, 3)
    scores, ids = index.search(vectors[:1], len(wanted), wanted)
    assert set(ids[0]) == set(wanted)
    expected = dict(
        zip(*(row[0].tolist() for row in oracle.search(vectors[:1], len(wanted), wanted)[::-1]), strict=True)
    )
    np.testing.assert_allclose(scores[0], [expected[i] for i in ids[0].tolist()], atol=2e-3)


def test_ids_too_far_apart_for_a_table(monkeypatch: pytest.MonkeyPatch, vectors: Any) -> None:
    monkeypatch.setattr(inverted, "_TABLE_LIMIT", 100)
    monkeypatch.setattr(inverted, "BY_LISTS", 1000)
    ids = np.arange(COUNT) * 10**9
    index = InvertedIndex(ids, vectors)
    assert index.search(vectors[:3], 1)[1].ravel().tolist() == [0, 10**9, 2 * 10**9]
    allowed = ids[::2]
    assert set(index.search(vectors[:3], 10, allowed)[1].ravel()) <= set(allowed.tolist())
    assert index.rows_of(np.array([5, 10**9, 10**15])).tolist() == [1]


def test_what_goes_and_comes_is_followed_by_what_was_measured(
    grown: tuple[FaissIndex, NumpyIndex], tmp_path: Path
) -> None:
    index, oracle = grown
    assert index.tuning is not None
    assert index.tuning.passages == COUNT
    for each in (index, oracle):
        each.search(drawn(1), 3, np.arange(0, 3000, 3))
        assert each.remove(np.arange(0, 3000, 3)) == 1000
        each.add(np.arange(500) * 3 + 1, drawn(500, seed=9))
        each.add(np.array([3003]), drawn(1, seed=11))
    assert len(index) == len(oracle) == 3500
    assert index.tuning.passages == 3500
    assert index.tuning.recall >= 0.95
    assert recall(index, oracle, drawn(40, seed=7)) >= 0.95
    assert not set(range(0, 3000, 3)) & set(index.search(drawn(40, seed=7), 10, np.arange(0, 3000, 3))[1].ravel())
    read = stored(index, tmp_path)
    assert read.tuning == index.tuning
    assert set(read.ids.tolist()) == set(oracle._ids.tolist())
    for mine, theirs in zip(read.search(drawn(9), 10), index.search(drawn(9), 10), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert read.remove(np.array([3003])) == 1
    assert len(read) == 3499


def test_nothing_is_lost_of_the_products_with_a_vector_and_with_its_centroid(vectors: Any) -> None:
    """Neighbours differ by less than what eight bits lose, unless it is made good where questions lie."""
    index = InvertedIndex(np.arange(COUNT), vectors, lists=64)
    rows = np.arange(200)
    for row in rows:
        centroid = index.centroids[index.parts()[2].lists[row]]
        for question in (vectors[row], centroid):
            np.testing.assert_allclose(index.scores(question, rows[row : row + 1]), vectors[row] @ question, atol=2e-6)
    questions = drawn(50, seed=13)
    lost = np.stack([index.scores(question, rows) - vectors[rows] @ question for question in questions])
    assert np.abs(lost).max() < 4e-3


def test_lists_found_through_a_graph_are_those_that_are_nearest(monkeypatch: pytest.MonkeyPatch, vectors: Any) -> None:
    monkeypatch.setattr(inverted, "_GRAPH_FROM", 100)
    index, oracle = InvertedIndex(np.arange(COUNT), vectors, lists=128), NumpyIndex(WIDTH)
    oracle.add(np.arange(COUNT), vectors)
    questions = drawn(60, seed=15)
    index.effort = Effort(probes=24, candidates=40)
    (scores, found), (expected_scores, expected) = (each.search(questions, 10) for each in (index, oracle))
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, expected, strict=True)]) >= 0.95
    np.testing.assert_allclose(scores, expected_scores, atol=5e-3)
    # More lists than the graph finds: those it does not find are nobody's.
    index.effort = Effort(probes=128, candidates=40)
    np.testing.assert_allclose(index.search(questions, COUNT)[0][:, :10], expected_scores, atol=1e-3)


def test_an_index_whose_centroids_are_in_full_precision_is_read_and_grows(
    monkeypatch: pytest.MonkeyPatch, vectors: Any
) -> None:
    """Those of before have a graph of another kind, and codes that make good less."""
    faiss = load_faiss()
    monkeypatch.setattr(inverted, "_GRAPH_FROM", 100)
    half = COUNT // 2
    made = InvertedIndex(np.arange(half), vectors[:half], lists=128)
    lists, centroids, rows = made.parts()
    graph = faiss.IndexHNSWFlat(WIDTH, 32, faiss.METRIC_INNER_PRODUCT)
    graph.add(centroids)
    lists.quantizer, lists.own_fields = graph, False
    rows.factors[:], rows.scales[:] = 1.0, rows.scales * rows.factors
    read = InvertedIndex.of(faiss.deserialize_index(faiss.serialize_index(lists)), centroids, rows, Effort(24, 40))
    read.add(np.arange(half, COUNT), vectors[half:])
    assert read.search(vectors, 1)[1].ravel().tolist() == list(range(COUNT))


def test_an_index_that_was_outgrown_asks_for_everything_again(
    grown: tuple[FaissIndex, NumpyIndex], vectors: Any
) -> None:
    index, _ = grown
    index.prepare(COUNT * 2)
    assert len(index) == COUNT
    index.prepare(COUNT * 40)
    assert len(index) == 0
    index.add(np.arange(100), vectors[:100])
    assert index.kind == "Flat"


def test_an_index_that_lost_everything_finds_nothing(grown: tuple[FaissIndex, NumpyIndex]) -> None:
    index, _ = grown
    assert index.kind != "Flat"
    assert index.remove(index.ids) == COUNT
    assert (index.search(drawn(2), 3)[1] == -1).all()


def test_an_index_that_shrank_is_made_anew_and_exact(grown: tuple[FaissIndex, NumpyIndex]) -> None:
    index, _ = grown
    index.prepare(200)
    assert (len(index), index.kind) == (0, "Flat")


def stored(index: FaissIndex, folder: Path) -> FaissIndex:
    index.save(folder / "text.faiss")
    lists = (folder / "text.lists").read_bytes()
    return FaissIndex.from_bytes((folder / "text.faiss").read_bytes(), kind=index.kind, lists=lists)


def test_files_that_do_not_fit_together_are_refused(grown: tuple[FaissIndex, NumpyIndex], tmp_path: Path) -> None:
    index, _ = grown
    kind = index.kind
    assert len(stored(index, tmp_path)) == COUNT
    data, lists = (tmp_path / "text.faiss").read_bytes(), (tmp_path / "text.lists").read_bytes()
    index.remove(np.array([0, 3]))
    index.save(tmp_path / "other.faiss")
    other = (tmp_path / "other.lists").read_bytes()
    for damaged, beside in (
        (data, b""),
        (data, lists[:-20]),
        (data, other),
        (data[:-1], lists),
        (data + b"0", lists),
        (data[:200], lists),
        (b"", lists),
        (b"\xff" * 64, lists),
        (data.replace(b'"<f4"', b'"<O8"', 1), lists),
        (data.replace(b'"candidates"', b'"candidatee"', 1), lists),
    ):
        with pytest.raises(IndexUnusableError):
            FaissIndex.from_bytes(damaged, kind=kind, lists=beside)
    with pytest.raises(IndexUnusableError, match="IVF128"):
        FaissIndex.from_bytes(data, kind="IVF128,RaBitQ+8", lists=lists)


def test_an_array_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="odd"):
        container.write(tmp_path / "x", {"odd": np.zeros(3, dtype=np.complex64)}, {})
    assert not (tmp_path / "x").exists()
    container.write(tmp_path / "x", {"none": np.zeros((0, 4), dtype=np.float32)}, {"a": 1})
    arrays, settings = container.read((tmp_path / "x").read_bytes())
    assert (arrays["none"].shape, settings) == ((0, 4), {"a": 1})


def test_the_exact_answers_of_a_sample_are_those_of_numpy(vectors: Any) -> None:
    ids = np.arange(COUNT)
    sample = Sample.of(ids, vectors)
    for question, own, answers in zip(sample.questions[:20], sample.ids, sample.answers, strict=False):
        expected = [i for i in np.argsort(-(vectors @ question), kind="stable").tolist() if i != own][:10]
        assert answers[:10].tolist() == expected
    gone = sample.answers[0, :3].copy()
    sample.remove(gone)
    assert not set(sample.answers.ravel().tolist()) & set(gone.tolist())
    assert (sample.answers[:, :10] >= 0).all()


def test_effort_is_found_that_keeps_the_promise_and_no_more(vectors: Any) -> None:
    index = InvertedIndex(np.arange(COUNT), vectors)
    sample = Sample.of(np.arange(COUNT), vectors)
    index.effort = Effort(1, 2, 10)
    poor = measured(index, sample)
    found = tuned(index, sample)
    assert poor.recall < PROMISED <= found.recall
    assert found.filtered_recall >= PROMISED
    assert found.effort.probes < index.count_of_lists
    assert index.effort == found.effort


def test_one_vector_given_many_times_and_fewer_vectors_than_lists() -> None:
    same = np.repeat(drawn(1), 700, axis=0)
    index = InvertedIndex(np.arange(700), same, lists=16)
    assert index.search(same[:1], 5)[1].tolist() == [[0, 1, 2, 3, 4]]
    assert len(InvertedIndex(np.arange(3), drawn(3), lists=64).search(drawn(1), 5)[1][0]) == 5
