from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import manifest
from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder
from retrieval.engine import Engine, Weights
from retrieval.errors import AlignmentError, IndexUnusableError, RetrievalError
from retrieval.features import NAMES
from retrieval.index.snapshot import Snapshot
from retrieval.rerank import Ranker
from retrieval.types import Query, Vectors
from tests.retrieval.small_library import ITEMS, engine_of, grey, pattern, snapshot_of


def array(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_text_finds_the_item_and_its_passages_best_first() -> None:
    hits = engine_of().search(Query(text="filling defect in the pulmonary artery", k=2))
    assert [(hit.item, hit.kind, hit.rank) for hit in hits] == [(10, "case", 1), (30, "guideline", 2)]
    assert hits[0].passages[0] == 102
    assert hits[0].image is None
    assert hits[0].scores["dense"] > hits[1].scores["dense"]
    assert hits[0].scores["lexical"] > hits[1].scores["lexical"]
    assert hits[0].score > hits[1].score
    assert "image" not in hits[0].scores


def test_an_item_is_returned_once_however_many_passages_match() -> None:
    items = {1: ("case", {n: f"pulmonary embolism number {n}" for n in range(100, 160)}, {}), 2: ITEMS[20]}
    hits = engine_of(items).search(Query(text="pulmonary embolism", k=10))
    assert [hit.item for hit in hits] == [1, 2]
    assert len(hits[0].passages) == len(set(hits[0].passages)) == 8


def test_an_image_finds_the_item_by_its_best_frame() -> None:
    hits = engine_of().search(Query(images=[pattern(2)], k=2))
    assert (hits[0].item, hits[0].image, hits[0].passages) == (10, 11, ())
    assert hits[0].scores["image"] == pytest.approx(1, abs=1e-5)
    assert set(hits[0].scores) == {"image"}


def test_of_several_images_the_best_one_counts() -> None:
    hits = engine_of().search(Query(images=[grey(128), pattern(3)], k=1))
    assert (hits[0].item, hits[0].image) == (20, 21)
    assert hits[0].scores["image"] == pytest.approx(1, abs=1e-5)


def test_text_and_image_are_fused() -> None:
    hit = engine_of().search(Query(text="fracture of the radius", images=[pattern(3)], k=1))[0]
    assert (hit.item, hit.image, hit.passages[0]) == (20, 21, 202)
    assert set(hit.scores) == {"dense", "lexical", "image", "rerank"}


@given(
    allowed=st.one_of(st.none(), st.lists(st.sampled_from([10, 20, 30, 40, 99]), max_size=5)),
    excluded=st.one_of(st.none(), st.lists(st.sampled_from([10, 20, 30, 40, 99]), max_size=5)),
    kinds=st.lists(st.sampled_from(["case", "guideline", "literature"]), max_size=2),
    image=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_nothing_that_is_not_permitted_is_ever_returned(
    allowed: list[int] | None, excluded: list[int] | None, kinds: Sequence, image: bool
) -> None:
    query = Query(
        text="pulmonary artery fracture of the distal radius pain cast",
        images=[pattern(1)] if image else [],
        kinds=kinds,
        allowed=None if allowed is None else array(*allowed),
        excluded=None if excluded is None else array(*excluded),
    )
    permitted = {
        item
        for item, (kind, *_) in ITEMS.items()
        if (allowed is None or item in allowed) and item not in (excluded or []) and (not kinds or kind in kinds)
    }
    assert {hit.item for hit in ENGINE.search(query)} == permitted


ENGINE = engine_of()


def test_the_filter_is_inside_the_search_and_not_after_it() -> None:
    items = {n: ("case", {n: "pulmonary embolism"}, {}) for n in range(1, 400)} | {
        400: ("case", {400: "a fracture, no embolism"}, {})
    }
    hits = engine_of(items).search(Query(text="pulmonary embolism", k=1, allowed=array(400)))
    assert [hit.item for hit in hits] == [400]


def test_a_text_over_the_window_is_read_to_its_end() -> None:
    text = "nothing to see here " * 200 + "closed reduction of a distal radius fracture"
    engine = engine_of(weights=Weights(lexical=0, passage=0))
    assert len(HashingTextEncoder().token_offsets(text)) > HashingTextEncoder().max_tokens
    hit = engine.search(Query(text=text, k=1, kinds=["literature"]))[0]
    assert hit.item == 40
    short = engine.search(Query(text="closed reduction of a distal radius fracture", k=1, kinds=["literature"]))[0]
    assert 0 < hit.scores["dense"] <= short.scores["dense"]


def test_equal_items_stand_in_the_order_of_their_ids() -> None:
    items = {n: ("case", {n * 10: "the very same words"}, {}) for n in (7, 3, 5)}
    assert [hit.item for hit in engine_of(items).search(Query(text="same words"))] == [3, 5, 7]


def test_weights_leave_a_ranking_out() -> None:
    query = Query(text="fracture of the distal radius", images=[pattern(1)])
    by_words = engine_of(weights=Weights(dense=0, image=0)).search(query)
    assert [hit.item for hit in by_words] == [20, 40]
    by_meaning = engine_of(weights=Weights(lexical=0, passage=0, image=0)).search(query)
    assert len(by_meaning) == len(ITEMS)
    assert all(set(hit.scores) == {"dense", "rerank"} for hit in by_meaning)
    by_image = engine_of(weights=Weights(dense=0, lexical=0, passage=0)).search(query)
    assert [hit.item for hit in by_image] == [10, 20]


def test_every_hit_of_a_text_has_its_closest_passages_and_their_cosine() -> None:
    for hit in engine_of(weights=Weights(dense=0)).search(Query(text="acute pain, fracture, cast", k=4)):
        vectors = HashingTextEncoder().encode(["acute pain, fracture, cast", *ITEMS[hit.item][1].values()])
        assert hit.scores["dense"] == pytest.approx(float((vectors[1:] @ vectors[0]).max()), abs=1e-6)
        assert set(hit.passages) == set(ITEMS[hit.item][1])


def test_run_tells_the_time_of_each_part_and_the_version() -> None:
    result = engine_of().run(Query(text="fracture", images=[pattern(1)]))
    assert {"filter", "encode", "dense", "lexical", "encode_images", "image", "fuse", "rank", "collect"} == set(
        result.timings_ms
    )
    assert all(milliseconds >= 0 for milliseconds in result.timings_ms.values())


@pytest.mark.parametrize(
    ("query", "message"), [(Query(), "empty"), (Query(text=" \n"), "empty"), (Query("a", k=0), "k=0")]
)
def test_a_query_that_asks_nothing_is_refused(query: Query, message: str) -> None:
    with pytest.raises(RetrievalError, match=message):
        engine_of().search(query)


def test_an_empty_index_finds_nothing() -> None:
    engine = engine_of({})
    assert engine.search(Query(text="anything", images=[grey(1)])) == []
    assert engine.search(Query(text="anything", allowed=array(1), excluded=array(2), kinds=["case"])) == []


class JointImageEncoder(HashingImageEncoder):
    """Knows one word: "white" is a white image."""

    @property
    def aligned(self) -> bool:
        return True

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        return self.encode([grey(255 if "white" in text else 0) for text in texts])


def test_in_a_joint_space_text_finds_images() -> None:
    encoder = JointImageEncoder()
    items = {1: ("case", {}, {5: (50, grey(20))}), 2: ("case", {}, {6: (60, grey(250))})}
    engine = Engine(snapshot_of(items, image_encoder=encoder), HashingTextEncoder(), encoder)
    hit = engine.search(Query(text="a white picture"))[0]
    assert (hit.item, hit.image, set(hit.scores)) == (2, 60, {"text_to_image", "rerank"})


def test_an_alignment_that_went_away_stops_no_search() -> None:
    class Forgetful(JointImageEncoder):
        def encode_text(self, texts: Sequence[str]) -> Vectors:
            raise AlignmentError("no longer there")

    engine = Engine(snapshot_of(ITEMS, image_encoder=Forgetful()), HashingTextEncoder(), Forgetful())
    assert engine.search(Query(text="distal radius", k=1))[0].item == 20


def published(root: Path) -> Path:
    snapshot = snapshot_of(ITEMS)
    return root / manifest.publish(root, snapshot.manifest, snapshot.save).name


def test_a_published_index_answers_alike(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = Engine(Snapshot.load(folder), HashingTextEncoder(), HashingImageEncoder())
    for query in (Query(text="pulmonary artery"), Query(images=[pattern(3)]), Query(text="cast", kinds=["literature"])):
        assert read.search(query) == engine_of().search(query)
    assert read.run(Query(text="cast")).index_version == folder.name


def test_an_index_of_another_encoder_is_refused(tmp_path: Path) -> None:
    snapshot = Snapshot.load(published(tmp_path))
    with pytest.raises(IndexUnusableError, match="hashing-text-1-64-128 is configured"):
        Engine(snapshot, HashingTextEncoder(dimension=64), HashingImageEncoder())

    class OtherPreprocessing(HashingImageEncoder):
        @property
        def preprocessing(self) -> str:
            return "0" * 64

    with pytest.raises(IndexUnusableError, match=r"preprocessing.*build_index --rebuild"):
        Engine(snapshot, HashingTextEncoder(), OtherPreprocessing())


def test_parts_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    whole = snapshot_of(ITEMS)
    whole.lexical.remove([101])
    folder = tmp_path / manifest.publish(tmp_path, whole.manifest, whole.save).name
    with pytest.raises(IndexUnusableError, match=r"do not agree.*build_index --rebuild"):
        Snapshot.load(folder)


def test_threads_share_an_engine() -> None:
    from concurrent.futures import ThreadPoolExecutor

    engine = engine_of()
    queries = [Query(text=text) for text in ("pulmonary artery", "distal radius", "cast", "dyspnoea")] * 10
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(engine.search, queries)) == [engine.search(query) for query in queries]


def test_one_search_is_put_in_order_by_several_rankers() -> None:
    engine, query = engine_of(), Query(text="fracture of the radius and chest pain", k=4)
    rankers = [Ranker({"lexical": 1.0}), Ranker({"dense_rank": 1.0}), engine.ranker]
    each = engine.run_each(query, rankers)
    assert [result.hits for result in each] == [engine.run(query, ranker).hits for ranker in rankers]
    assert each[-1].hits == engine.run(query).hits
    assert each[0].hits != each[1].hits
    assert engine.run_each(replace(query, allowed=array()), rankers)[2].hits == []


def test_what_is_measured_of_a_search_gives_its_order() -> None:
    engine, query = engine_of(), Query(text="fracture of the radius and chest pain", k=4)
    items, table = engine.measured(query)
    scores = engine.ranker.scores(table, NAMES)
    assert items[np.argsort(-scores, kind="stable")].tolist() == [hit.item for hit in engine.search(query)]
    assert len(engine.measured(Query(images=(pattern(1),)))[0]) == 0


def test_the_breadth_of_a_library_is_what_its_items_are_about_and_not_what_they_list() -> None:
    snapshot = snapshot_of(
        ITEMS, subjects=[(10, 1, False), (20, 2, False), (20, 3, True), (30, 1, False), (40, 4, False)]
    )
    none, literature = np.zeros(0, dtype=np.int64), np.array([40])
    assert [snapshot.breadth(none), snapshot.breadth(literature), snapshot.breadth(none)] == [3, 2, 3]
