import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cdss.audit.models import Event
from cdss.indexing import splitting
from cdss.indexing.encoding import embedding
from cdss.indexing.encoding.pixels import frames_of
from cdss.indexing.models import ImageEmbedding, IndexVersion, PassageEmbedding
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build, index_repair, index_verify
from cdss.indexing.versions import assembly
from cdss.library.models import CaseImage, Collection, LibraryItem, Passage, State
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.errors import IndexNotPublishedError, IndexUnusableError
from retrieval.types import Query
from tests.cdss.indexing.conftest import MakeItem

Library = dict[str, LibraryItem]


def found(text: str, **fields: object) -> list[int]:
    return [hit.item for hit in search_library(user=None, query=Query(text=text, **fields)).hits]


def count_encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    encoded: list[str] = []
    original = HashingTextEncoder.encode

    def counted(self: HashingTextEncoder, texts: list[str]) -> object:
        encoded.extend(texts)
        return original(self, texts)

    monkeypatch.setattr(HashingTextEncoder, "encode", counted)
    return encoded


def test_an_empty_library_makes_a_valid_index(db: None) -> None:
    version = index_build()
    assert (version.passages, version.images) == (0, 0)
    assert index_verify() == version
    assert found("anything") == []


def test_what_is_published_is_found(library: Library, make_case: MakeItem) -> None:
    draft = make_case("Draft", "A filling defect nobody has reviewed.", state=State.DRAFT)
    version = index_build()
    assert version.passages == Passage.objects.count() == PassageEmbedding.objects.count() == 5
    assert found("filling defect in the artery")[0] == library["embolism"].pk
    assert draft.pk not in found("filling defect nobody has reviewed")
    assert not draft.passages.exists()


def test_the_title_is_searched_but_not_part_of_a_passage(library: Library) -> None:
    index_build()
    hits = search_library(user=None, query=Query(text="Colles", k=1)).hits
    assert hits[0].item == library["fracture"].pk
    assert "Colles" not in Passage.objects.get(pk=hits[0].passages[0]).text


def test_nothing_changed_nothing_is_written_or_encoded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    version = index_build()
    encoded = count_encoded(monkeypatch)
    assert index_build() == version
    assert IndexVersion.objects.count() == 1
    assert encoded == []


def test_a_rebuild_encodes_nothing_twice(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    first = index_build()
    before = search_library(user=None, query=Query(text="distal radius")).hits
    encoded = count_encoded(monkeypatch)
    assert index_build(rebuild=True).name > first.name
    assert encoded == []
    assert search_library(user=None, query=Query(text="distal radius")).hits == before


def test_only_what_is_new_or_changed_is_encoded(
    library: Library, make_case: MakeItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_build()
    encoded = count_encoded(monkeypatch)
    added = make_case("Gout", "Erosion with an overhanging edge.")
    LibraryItem.objects.filter(pk=library["paper"].pk).update(text="An entirely rewritten abstract about gout.")
    library["fracture"].delete()
    version = index_build()
    assert len(encoded) == 2
    assert version.passages == 4
    assert set(found("gout")[:2]) == {added.pk, library["paper"].pk}
    assert library["fracture"].pk not in found("fracture of the distal radius")


def test_an_updated_index_is_the_one_a_rebuild_makes(library: Library, make_case: MakeItem) -> None:
    index_build()
    make_case("Gout", "Erosion with an overhanging edge of the distal bone.")
    library["embolism"].delete()
    index_build()
    query = Query(text="erosion and fracture of the distal radius", k=10)
    updated = search_library(user=None, query=query).hits
    index_build(rebuild=True)
    assert search_library(user=None, query=query).hits == updated


def test_a_new_title_is_encoded_and_found(library: Library) -> None:
    index_build()
    LibraryItem.objects.filter(pk=library["paper"].pk).update(title="Ganglion")
    index_build()
    assert found("Ganglion")[0] == library["paper"].pk


def test_passages_that_went_away_are_made_again(library: Library) -> None:
    index_build()
    library["paper"].passages.all().delete()
    index_build()
    assert library["paper"].passages.exists()


def test_an_interrupted_build_goes_on_where_it_was(
    make_case: MakeItem, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PASSAGES_AT_ONCE", 2)

    def stop(step: str, done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_build(progress=stop)
    assert PassageEmbedding.objects.count() == 4
    assert not IndexVersion.objects.exists()
    encoded = count_encoded(monkeypatch)
    assert index_build().passages == 5
    assert len(encoded) == 1


def test_another_encoder_is_encoded_anew_and_keeps_the_passages(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_build()
    kept = set(Passage.objects.values_list("pk", flat=True))
    other = HashingTextEncoder(dimension=64)
    monkeypatch.setattr("cdss.indexing.services.text_encoder", lambda: other)
    monkeypatch.setattr("cdss.indexing.encoding.encoders._text_encoder", lambda spec, name: other)
    with pytest.raises(IndexUnusableError, match=r"build_index --rebuild"):
        index_verify()
    version = index_build()
    assert version.text_encoder == other.version
    assert set(Passage.objects.values_list("pk", flat=True)) == kept
    assert PassageEmbedding.objects.count() == 2 * len(kept)
    assert found("distal radius")


def test_images_are_found_by_images(library: Library, make_image: Callable[..., CaseImage]) -> None:
    images = [make_image(library["embolism"], 1), make_image(library["fracture"], 2)]
    assert index_build().images == 2
    for image in images:
        query = Query(images=frames_of(image, masked=False), k=1)
        hit = search_library(user=None, query=query).hits[0]
        assert (hit.item, hit.image) == (image.case_id, image.pk)


def test_every_frame_of_a_stack_is_encoded(library: Library, make_image: Callable[..., CaseImage], site: Path) -> None:
    image = make_image(library["embolism"], 1)
    folder = site / "media" / "cases" / "stack"
    folder.mkdir()
    for number in range(3):
        (site / "media" / str(make_image(library["fracture"], 10 + number, number).file)).rename(
            folder / f"{number:04}.png"
        )
    CaseImage.objects.filter(case=library["fracture"].pk).delete()
    CaseImage.objects.filter(pk=image.pk).update(file="cases/stack/0000.png", frames=3)
    assert index_build().images == 3
    assert sorted(ImageEmbedding.objects.values_list("frame", flat=True)) == [0, 1, 2]


def test_masking_a_collection_encodes_its_images_anew(
    library: Library, collection: Collection, make_image: Callable[..., CaseImage]
) -> None:
    make_image(library["embolism"], 1)
    index_build()
    Collection.objects.filter(pk=collection.pk).update(mask_overlays=True)
    assert index_build().images == 1
    assert sorted(key.rpartition("|")[2] for key in ImageEmbedding.objects.values_list("encoder", flat=True)) == [
        "masked",
        "whole",
    ]


def test_an_image_that_cannot_be_read_stops_nothing(
    library: Library, make_image: Callable[..., CaseImage], site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = make_image(library["embolism"], 1)
    make_image(library["fracture"], 2)
    (site / "media" / str(broken.file)).write_bytes(b"not an image")
    assert index_build().images == 1
    assert f"image {broken.pk} cannot be read" in caplog.text


def test_pages_stay_with_their_passages(make_document: MakeItem) -> None:
    document = make_document("Guideline", "First page text.\fSecond page text.", pages=[[0, 17, 1], [17, 34, 2]])
    index_build()
    assert list(document.passages.values_list("page", "text")) == [(1, "First page text."), (2, "Second page text.")]


def test_a_build_is_audited_without_any_text(library: Library) -> None:
    version = index_build()
    event = Event.objects.get(action="index.publish")
    assert event.details == {"name": version.name, "passages": 5, "images": 0}


def newest_file(site: Path, name: str) -> Path:
    return site / "indexes" / IndexVersion.objects.values_list("name", flat=True)[0] / name


def test_a_damaged_index_is_repaired_from_the_stored_vectors(
    library: Library, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = index_build()
    newest_file(site, "text.faiss").write_bytes(b"damaged")
    with pytest.raises(IndexUnusableError, match=r"text\.faiss is damaged"):
        index_verify()
    encoded = count_encoded(monkeypatch)
    assert index_repair().name > broken.name
    assert encoded == []
    assert found("distal radius")
    assert index_repair() == index_verify()


def test_an_index_of_another_encoder_is_not_encoded_anew_at_start_up(library: Library, site: Path) -> None:
    name = index_build().name
    IndexVersion.objects.update(text_encoder="another@1")
    newest_file(site, "text.faiss").write_bytes(b"damaged")
    with pytest.raises(IndexUnusableError, match="build_index"):
        index_repair()
    assert IndexVersion.objects.get().name == name


def test_leftovers_are_removed_at_start_up(library: Library, site: Path) -> None:
    index_build()
    (site / "indexes" / ".unfinished-000009-abcdabcd").mkdir()
    index_repair()
    assert not list((site / "indexes").glob(".unfinished*"))


def test_a_full_disk_leaves_the_index_in_use(
    library: Library, make_case: MakeItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = index_build()
    make_case("Gout", "Erosion with an overhanging edge.")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(IndexNotPublishedError, match="disk is full"):
            index_build()
    assert IndexVersion.objects.first() == before
    assert found("distal radius")
    assert index_build().passages == before.passages + 1


@pytest.mark.parametrize(
    "moment", ["_passage_rows", "kinds_of_published", "subject_rows", "_update_text", "_update_items"]
)
def test_what_is_deleted_while_it_is_read_is_left_out(
    library: Library, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The parts of an index agree with each other whatever goes away between two of its queries."""
    real = getattr(assembly, moment)

    def then_deleted(*args: object) -> object:
        found = real(*args)
        LibraryItem.objects.filter(pk=library["fracture"].pk).delete()
        return found

    def deleted_first(*args: object) -> object:
        LibraryItem.objects.filter(pk=library["paper"].pk).delete()
        return real(*args)

    for act in (then_deleted, deleted_first):
        with monkeypatch.context() as patched:
            patched.setattr(assembly, moment, act)
            index_build(rebuild=True)
        assert index_verify() == IndexVersion.objects.first()
        assert found("filling defect in the artery")[0] == library["embolism"].pk
    assert found("fracture of the distal radius") == [library["embolism"].pk]


def test_what_is_deleted_before_it_is_split_is_left_out(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    real = splitting._split

    def deleted(item: LibraryItem, *args: object) -> object:
        made = real(item, *args)
        if item.pk == library["paper"].pk:
            LibraryItem.objects.filter(pk=item.pk).delete()
        return made

    monkeypatch.setattr(splitting, "_split", deleted)
    assert index_build().passages == 4
    assert library["paper"].pk not in found("distal radius")
