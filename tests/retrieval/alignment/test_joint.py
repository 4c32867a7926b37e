import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from retrieval.alignment import store
from retrieval.alignment.files import save_tensors
from retrieval.alignment.fit import fit
from retrieval.alignment.measures import chance, mean_log_rank, recall_at
from retrieval.alignment.model import Alignment, Settings
from retrieval.alignment.pairs import Pairs
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.errors import AlignmentError

ORGANS = ("lung", "liver", "brain", "knee", "spine", "heart", "kidney", "hip")
SIGNS = ("mass", "cyst", "fracture", "effusion", "oedema")


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def pairs(cases: int = 120, seed: int = 3) -> Pairs:
    """Cases of two images each; an image shows its organ and sign as directions in noise, two texts name them."""
    random = np.random.default_rng(seed)
    directions = {word: random.standard_normal(64) for word in (*ORGANS, *SIGNS)}
    images, texts, described, groups = [], [], [], []
    for case in range(cases):
        organ, sign = ORGANS[case % len(ORGANS)], SIGNS[case % len(SIGNS)]
        for _ in range(2):
            described += [len(images)] * 2
            images.append(directions[organ] + directions[sign] + 0.5 * random.standard_normal(64))
            texts += [f"{sign} of the {organ} in case {case}", f"image of a {organ}"]
            groups.append(case)
    encoder = HashingTextEncoder(dimension=96)
    return Pairs(unit(np.stack(images)), encoder.encode(texts), np.array(described), np.array(groups), texts)


@pytest.fixture(scope="module")
def fitted() -> Alignment:
    return fit(pairs(), image_encoder="images-1", text_encoder="texts-1")


def test_a_fit_lifts_recall_on_cases_it_never_saw(fitted: Alignment) -> None:
    report = fitted.report
    assert (report.pairs, report.texts, report.cases, report.test_cases) == (240, 480, 120, 24)
    assert report.recall > report.chance + 0.3
    assert report.recall > report.before + 0.2


def test_text_lies_in_the_space_of_the_images(fitted: Alignment) -> None:
    made = pairs()
    projected = fitted.project(made.said[:5], made.texts[:5])
    assert projected.shape == (5, made.images.shape[1])
    assert projected.dtype == np.float32
    assert np.allclose(np.linalg.norm(projected, axis=1), 1.0, atol=1e-5)
    organ = np.array([ORGANS[case % len(ORGANS)] for case in made.cases])
    asked = ["image of a knee"]
    best = np.argsort(-(fitted.project(asked, HashingTextEncoder(96).encode(asked)) @ made.images.T))[0, :10]
    assert np.mean(organ[best] == "knee") >= 0.8


def test_the_same_seed_gives_the_same_alignment(fitted: Alignment) -> None:
    again = fit(pairs(), image_encoder="images-1", text_encoder="texts-1")
    other = fit(pairs(), image_encoder="images-1", text_encoder="texts-1", settings=Settings(seed=8))
    assert np.array_equal(again.weights, fitted.weights)
    assert replace(again.report, seconds=0) == replace(fitted.report, seconds=0)
    assert not np.array_equal(other.weights, fitted.weights)


def test_texts_that_say_nothing_are_not_worth_more_than_chance() -> None:
    made = pairs()
    order = np.random.default_rng(0).permutation(len(made.texts))
    shuffled = replace(made, texts=made.texts[order], said=made.said_in(order))
    report = fit(shuffled, image_encoder="i", text_encoder="t").report
    assert report.recall < report.chance + 0.15


def test_images_without_a_text_are_left_out() -> None:
    made = pairs()
    kept = made.described < 200
    report = fit(
        replace(made, texts=made.texts[kept], described=made.described[kept]), image_encoder="i", text_encoder="t"
    ).report
    assert (report.pairs, report.texts, report.cases) == (200, 400, 100)


@pytest.mark.parametrize("cases", [0, 4, 9])
def test_too_few_pairs_are_refused(cases: int) -> None:
    made = pairs(20)
    kept, chosen = made.described < 2 * cases, made.cases < cases
    said = made.said_in(np.flatnonzero(kept))
    few = Pairs(made.images[chosen], made.texts[kept], made.described[kept], made.cases[chosen], said)
    with pytest.raises(AlignmentError, match=f"There are {2 * cases} images .* at least 20"):
        fit(few, image_encoder="i", text_encoder="t")


def test_chance_and_recall_against_counting() -> None:
    cases = np.array([1, 1, 2, 3, 3, 3, 4, 5, 6, 7])
    random = np.random.default_rng(0)
    drawn = [recall_at(random.random((10, 10)), cases, k=3) for _ in range(3000)]
    assert chance(cases, k=3) == pytest.approx(np.mean(drawn), abs=0.01)
    assert chance(cases, k=10) == 1.0
    assert recall_at(np.eye(10), cases, k=1) == 1.0
    assert mean_log_rank(np.eye(10), cases) == 0.0
    assert mean_log_rank(-np.eye(4), np.arange(4)) == 2.0
    backwards = -np.eye(10)
    assert recall_at(backwards[:, ::-1][::-1], np.arange(10), k=9) == 0.0


def test_saved_and_loaded_it_is_the_same(fitted: Alignment, tmp_path) -> None:
    saved = store.save(fitted, tmp_path)
    loaded = store.load(tmp_path, image_encoder="images-1", text_encoder="texts-1")
    assert loaded is not None
    assert loaded.checksum == saved.checksum != ""
    assert loaded.report == fitted.report
    assert np.array_equal(loaded.weights, fitted.weights)
    assert np.array_equal(loaded.bias, fitted.bias)
    made = pairs()
    assert np.array_equal(*(each.project(made.said, made.texts) for each in (loaded, saved)))


def test_one_that_lacks_a_part_of_its_words_is_not_used(fitted: Alignment, tmp_path) -> None:
    store.save(replace(fitted, words=None), tmp_path)
    before = store.load(tmp_path, image_encoder="images-1", text_encoder="texts-1")
    assert before is not None
    assert before.words is None
    assert before.project(["image of a knee"], np.ones((1, 96), np.float32)).shape == (1, 64)
    assert fitted.words is not None
    manifest = {"image_encoder": "images-1", "text_encoder": "texts-1", "format": 1, "report": asdict(fitted.report)}
    parts = {"weights": fitted.weights, "bias": fitted.bias, "word_terms": fitted.words.terms}
    save_tensors(tmp_path, "alignment", parts, manifest)
    with pytest.raises(AlignmentError, match="cannot be read"):
        store.load(tmp_path, image_encoder="images-1", text_encoder="texts-1")


def test_there_may_be_none(tmp_path) -> None:
    assert store.load(tmp_path, image_encoder="i", text_encoder="t") is None
    assert store.stamp(tmp_path) is None


def test_a_second_one_replaces_the_first(fitted: Alignment, tmp_path) -> None:
    store.save(fitted, tmp_path)
    first = store.stamp(tmp_path)
    second = store.save(replace(fitted, bias=fitted.bias + 1), tmp_path)
    assert store.stamp(tmp_path) != first
    assert [path.name for path in tmp_path.glob("*.safetensors")] == [f"alignment-{second.checksum[:16]}.safetensors"]
    assert not list(tmp_path.glob(".*"))


def test_each_text_encoder_keeps_its_own(fitted: Alignment, tmp_path) -> None:
    store.save(fitted, tmp_path)
    before = store.stamp(tmp_path, "texts-1")
    assert store.stamp(tmp_path, "texts-2") == before
    other = replace(fitted, text_encoder="texts-2", bias=fitted.bias + 1)
    store.save(other, tmp_path)
    assert store.stamp(tmp_path, "texts-1") == before != store.stamp(tmp_path, "texts-2")
    for each in (fitted, other):
        found = store.load(tmp_path, image_encoder="images-1", text_encoder=each.text_encoder)
        assert found is not None
        assert np.array_equal(found.bias, each.bias)
    with pytest.raises(AlignmentError, match="made for images-1 and texts-1"):
        store.load(tmp_path, image_encoder="images-1", text_encoder="texts-3")


@pytest.mark.parametrize(("image", "text"), [("images-2", "texts-1"), ("images-1", "texts-2")])
def test_one_made_for_other_encoders_is_refused(fitted: Alignment, tmp_path, image: str, text: str) -> None:
    store.save(fitted, tmp_path)
    with pytest.raises(AlignmentError, match=r"made for images-1 and texts-1.*align_encoders"):
        store.load(tmp_path, image_encoder=image, text_encoder=text)


def test_damage_is_found(fitted: Alignment, tmp_path) -> None:
    def refused(match: str) -> None:
        with pytest.raises(AlignmentError, match=match):
            store.load(tmp_path, image_encoder="images-1", text_encoder="texts-1")

    store.save(fitted, tmp_path)
    (weights,) = tmp_path.glob("*.safetensors")
    whole = weights.read_bytes()
    for position in range(0, len(whole), len(whole) // 20):
        weights.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        refused("not what was saved")
    weights.unlink()
    refused("cannot be read")
    manifest = tmp_path / store.MANIFEST
    good = json.loads(manifest.read_text())
    for bad in ("", "{", "[]", json.dumps({**good, "report": {}}), json.dumps({**good, "format": 99}),
                json.dumps({**good, "weights": "../elsewhere"})):  # fmt: skip
        manifest.write_text(bad)
        refused("align_encoders")


def test_a_folder_that_cannot_be_written_says_so(fitted: Alignment, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AlignmentError, match="could not be written"):
        store.save(fitted, tmp_path / "file")
