from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.indexing.templatetags.indexing import encoding_of
from cdss.indexing.tiers import CLEARLY_BETTER, MOST_REFERENCE, behind, relevance_behind
from cdss.library.models import Collection
from retrieval.types import Hit, Query
from tests.cdss.indexing.conftest import MakeItem


def hit(item: int, dense: float, image: int | None = None, lexical: float = 2.0) -> Hit:
    scores = {"dense": dense, "lexical": lexical} if image is None else {"image": dense}
    return Hit(item, "literature", item, dense, (item,), image, scores)


def items(hits: list[Hit]) -> list[int]:
    return [each.item for each in hits]


CURATED = [hit(1, 0.8), hit(2, 0.6), hit(3, 0.4)]


def test_reference_fills_what_is_left_free_and_no_more_than_its_share() -> None:
    reference = [hit(n, 0.99) for n in range(10, 20)]
    found = behind(CURATED, reference, k=20)
    assert items(found) == [1, 2, 3, 10, 11, 12]
    assert len(found) - len(CURATED) == MOST_REFERENCE
    assert [each.rank for each in found] == [1, 2, 3, 4, 5, 6]


def test_a_place_that_is_taken_is_given_only_to_what_is_clearly_better_than_every_other() -> None:
    better = 2.0 * CLEARLY_BETTER
    assert items(behind(CURATED, [hit(10, 0.8, lexical=better)], k=3)) == [1, 2, 10]
    assert items(behind(CURATED, [hit(10, 0.8, lexical=better - 0.1)], k=3)) == [1, 2, 3]
    assert items(behind(CURATED, [hit(10, 0.79, lexical=better)], k=3)) == [1, 2, 3]
    assert items(behind(CURATED, [hit(10, 0.7), hit(11, 0.9, lexical=better)], k=3)) == [1, 2, 11]


def test_what_images_found_keeps_its_place() -> None:
    by_image = [hit(1, 0.8, image=7), hit(2, 0.3, image=8)]
    assert items(behind(by_image, [hit(10, 0.95, lexical=9.0)], k=2)) == [1, 2]


def test_nothing_else_is_changed_when_there_is_no_reference() -> None:
    assert behind(CURATED, [], k=3) == CURATED
    assert items(behind(CURATED, [], k=2)) == [1, 2]


def test_relevance_starts_at_the_weakest_curated_and_ends_at_the_weight() -> None:
    curated = {1: {"dense": 0.8, "lexical": 4.0}, 2: {"dense": 0.4, "lexical": 0.0}}
    reference = {10: {"dense": 0.6, "lexical": 2.0}, 11: {"dense": 0.8, "lexical": 4.0}, 12: {"dense": 0.1}}
    found = relevance_behind(reference, curated, weight=0.6)
    assert {item: round(value, 3) for item, value in found.items()} == {10: 0.3, 11: 0.6, 12: 0.0}


def test_of_two_that_are_better_than_everything_the_best_is_worth_most() -> None:
    reference = {10: {"dense": 0.9, "lexical": 8.0}, 11: {"dense": 0.9, "lexical": 6.0}}
    found = relevance_behind(reference, {1: {"dense": 0.5, "lexical": 4.0}, 2: {"dense": 0.1}}, weight=1.0)
    assert found == {10: 1.0, 11: 0.75}


def test_alone_the_best_is_worth_its_weight() -> None:
    assert relevance_behind({10: {"dense": 0.2, "lexical": 1.0}}, {}, weight=0.6) == {10: 0.6}


def test_a_search_lists_reference_items_last(make_document: MakeItem) -> None:
    tables = Collection.objects.create(name="Tables", reference=True)
    table = make_document("Radius table", "Fracture of the distal radius.", collection=tables)
    near = make_document("Paper", "Fracture of the distal radius in adults after a fall on the hand.")
    far = make_document("Other paper", "A cast of the ankle for a fracture.")
    index_build()
    query = Query(text="fracture of the distal radius", kinds=("literature",), k=10)
    assert items(list(search_library(user=None, query=query).hits)) == [near.pk, far.pk, table.pk]
    tables.reference = False
    tables.save()
    assert search_library(user=None, query=query).hits[0].item == table.pk


def test_how_far_the_encoding_of_a_collection_is(make_document: MakeItem) -> None:
    tables = Collection.objects.create(name="Tables", reference=True)
    make_document("Radius table", "Fracture of the distal radius.", collection=tables)
    assert encoding_of(tables).startswith("0 of 1 encoded")
    index_build()
    assert encoding_of(tables) == ""
    make_document("Ulna table", "Fracture of the ulna.", collection=tables)
    assert encoding_of(tables).startswith("1 of 2 encoded")


def test_a_reference_collection_leaves_the_scores_of_the_library_as_they_are(make_document: MakeItem) -> None:
    query = Query(text="fracture of the distal radius", kinds=("literature",))
    for number in range(3):
        make_document(f"Paper {number}", f"Fracture of the radius, report {number}.")
    index_build()
    before = [(each.item, each.scores) for each in search_library(user=None, query=query).hits]
    tables = Collection.objects.create(name="Tables", reference=True)
    for number in range(5):
        make_document(f"Table {number}", "The distal femur and the ulna.", collection=tables)
    index_build()
    assert [(each.item, each.scores) for each in search_library(user=None, query=query).hits[:3]] == before
