import numpy as np
import pytest

from retrieval.errors import ImageError
from retrieval.patches import pooled
from retrieval.regions import SHORTLIST, Candidate, search_regions
from retrieval.types import Box, PatchMap
from tests.retrieval.test_patches import patches_of


def held(
    number: int, group: int | None = None, *, rows: int = 12, columns: int = 12, seed: int | None = None
) -> Candidate:
    patches = patches_of(rows, columns, width=32, seed=100 + number if seed is None else seed)
    return Candidate(number, number if group is None else group, patches)


QUERY = patches_of(12, 12, width=32, seed=1)
BOX = Box(20, 30, 40, 30)


def with_copy(number: int, top: int, left: int) -> Candidate:
    candidate = held(number)
    candidate.patches.vectors[top : top + 3, left : left + 4] = QUERY.vectors[3:6, 2:6]
    return candidate


def test_a_copied_region_is_found_where_it_is() -> None:
    hits = search_regions(QUERY, BOX, [[held(1), with_copy(2, 8, 7), held(3)]], k=3)
    assert hits[0].id == 2
    assert hits[0].box == Box(70, 80, 40, 30)
    assert hits[0].score == pytest.approx(1.0, abs=1e-4)
    assert hits[1].score < 0.8


def test_order_counts_within_the_region() -> None:
    """The same patches mirrored have the same mean and other quarters."""
    mirrored = held(3)
    mirrored.patches.vectors[8:11, 7:11] = QUERY.vectors[3:6, 2:6][:, ::-1]
    hits = search_regions(QUERY, BOX, [[mirrored, with_copy(2, 8, 7)]], k=2)
    assert [hit.id for hit in hits] == [2, 3]


def test_of_a_group_the_best_counts_and_ties_go_to_the_smaller_id() -> None:
    one, two = with_copy(7, 1, 1), with_copy(5, 1, 1)
    twin = Candidate(9, 40, one.patches)
    hits = search_regions(QUERY, BOX, [[Candidate(7, 40, one.patches)], [twin, Candidate(5, 41, two.patches)]], k=5)
    assert [(hit.id, hit.group) for hit in hits] == [(5, 41), (7, 40)]


def test_it_finds_what_comparing_every_window_finds() -> None:
    candidates = [held(number) for number in range(1, 30)]
    (best,) = search_regions(QUERY, BOX, [candidates], k=1)
    query = pooled(QUERY, BOX)
    found = pooled(next(each.patches for each in candidates if each.id == best.id), best.box)
    assert float(query @ found) > 0.3


def test_many_batches_keep_the_best() -> None:
    batches = [[held(number) for number in range(start, start + 50)] for start in range(1, 6 * SHORTLIST, 50)]
    batches[0].append(with_copy(5000, 4, 4))
    hits = search_regions(QUERY, BOX, batches, k=4)
    assert hits[0].id == 5000
    assert len(hits) == 4


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0, 0, 120, 120), Box(-50, -50, 1e6, 1e6), Box(119, 0, 50, 2)])
def test_boxes_of_any_size_find_something(box: Box) -> None:
    candidates = [held(1), held(2, rows=1, columns=16), held(3, rows=16, columns=2)]
    hits = search_regions(QUERY, box, [candidates], k=3)
    assert len(hits) == 3
    for hit in hits:
        patches = next(each.patches for each in candidates if each.id == hit.id)
        assert 0 <= hit.box.x <= hit.box.x + hit.box.width <= patches.width + 1e-6
        assert 0 <= hit.box.y <= hit.box.y + hit.box.height <= patches.height + 1e-6


def test_nothing_to_search_finds_nothing() -> None:
    assert search_regions(QUERY, BOX, [], k=5) == []
    assert search_regions(QUERY, BOX, [[]], k=5) == []


def test_a_box_without_an_area_is_refused() -> None:
    with pytest.raises(ImageError, match="no area"):
        search_regions(QUERY, Box(1, 1, 0, 5), [[held(1)]], k=5)


def test_a_black_image_is_no_error() -> None:
    flat = PatchMap(np.full((4, 4, 32), 1 / np.sqrt(32), dtype=np.float32), 40, 40)
    assert len(search_regions(QUERY, BOX, [[Candidate(1, 1, flat)]], k=1)) == 1
