import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.alignment import store
from retrieval.alignment.metric import Metric, kernel, unit
from retrieval.alignment.teach import Library, Taught, folds, known_classes, teach
from retrieval.errors import AlignmentError

WIDTHS, KERNELS = (12, 30, 6), 2
CLASSES = ("ct head", "mr head", "ct thorax", "mr spine")


def library(cases: int = 80, seed: int = 1, told: float = 1.0) -> Library:
    """Two images a case; the class is a weak direction of the first block, the rest is louder and says nothing."""
    random = np.random.default_rng(seed)
    directions = random.standard_normal((len(CLASSES), WIDTHS[0]))
    groups = np.repeat(np.arange(cases), 2)
    classes = groups % len(CLASSES)
    features = random.standard_normal((2 * cases, sum(WIDTHS)))
    features[:, : WIDTHS[0]] = 0.5 * features[:, : WIDTHS[0]] + told * directions[classes]
    features[:, WIDTHS[0] : WIDTHS[0] + WIDTHS[1]] *= 3.0
    features = features.astype(np.float32)
    labels = [CLASSES[number] for number in classes]
    return Library(features, unit(features), groups, ["archive"] * len(labels), {"modality and region": labels})


def taught(made: Library) -> Taught:
    found = teach(made, widths=WIDTHS, kernels=KERNELS, features="features-1")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def lesson() -> Taught:
    return taught(library())


def test_closest_images_of_unseen_cases_agree_more_often(lesson: Taught) -> None:
    (figure,) = lesson.lesson.figures
    assert (figure.label, figure.source, figure.images) == ("modality and region", "archive", 160)
    assert figure.after > figure.before + 0.15
    assert figure.after > 0.85
    assert lesson.lesson.better


def test_what_it_learned_holds_for_images_it_never_saw(lesson: Taught) -> None:
    known, fresh = library(), library(seed=1, cases=120)
    # The same directions, other noise: the first numbers of the generator are the directions.
    asked = lesson.metric.project(fresh.features[160:])
    nearest = (asked @ lesson.metric.project(known.features).T).argmax(axis=1)
    labels = np.array(known.labels["modality and region"])
    right = labels[nearest] == np.array(fresh.labels["modality and region"])[160:]
    assert right.mean() > 0.8


def test_vectors_are_of_unit_length_and_the_dimension_says_how_wide(lesson: Taught) -> None:
    vectors = lesson.metric.project(library().features[:7])
    assert vectors.shape == (7, lesson.metric.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert lesson.metric.project(np.zeros((0, sum(WIDTHS)), dtype=np.float32)).shape == (0, lesson.metric.dimension)
    assert lesson.crossed.shape == (160, lesson.metric.dimension)


def test_labels_that_say_nothing_teach_nothing_that_serves() -> None:
    found = taught(library(told=0.0))
    assert not found.lesson.better or found.lesson.figures[0].after < 0.4


def test_without_labels_there_is_no_metric() -> None:
    made = library()
    assert teach(replace(made, labels={}), widths=WIDTHS, kernels=KERNELS, features="f") is None
    same = {"diagnosis": ["normal"] * 160}
    assert teach(replace(made, labels=same), widths=WIDTHS, kernels=KERNELS, features="f") is None


def test_a_class_needs_images_of_several_cases() -> None:
    groups = np.array([0] * 20 + list(range(1, 11)) + list(range(11, 21)))
    labels = ["one patient"] * 20 + ["many"] * 10 + ["others"] * 9 + [""]
    assert known_classes(labels, groups) == ["many", "others"]
    assert known_classes(["many"] * 10, np.arange(10)) == []


def test_one_label_group_does_not_ruin_another() -> None:
    one, other = library(), library(seed=9)
    both = Library(
        np.concatenate([one.features, other.features + 2.0]),
        np.concatenate([one.plain, other.plain]),
        np.concatenate([one.groups, other.groups + 1000]),
        ["one"] * 160 + ["other"] * 160,
        {
            "modality and region": [*one.labels["modality and region"], *[""] * 160],
            "diagnosis": [*[""] * 160, *other.labels["modality and region"]],
        },
    )
    figures = {figure.source: figure for figure in taught(both).lesson.figures}
    assert set(figures) == {"one", "other"}
    assert all(figure.after > figure.before + 0.1 for figure in figures.values())


def test_a_group_that_loses_keeps_the_metric_from_serving(lesson: Taught) -> None:
    good = lesson.lesson.figures[0]
    assert not replace(lesson.lesson, figures=(good, replace(good, before=0.8, after=0.7))).better
    assert replace(lesson.lesson, figures=(good, replace(good, before=0.8, after=0.79))).better
    assert not replace(lesson.lesson, figures=(replace(good, before=0.8, after=0.8),)).better


def test_a_group_is_never_on_both_sides_and_each_row_is_measured_once() -> None:
    groups = np.random.default_rng(0).integers(0, 30, 200)
    measured = np.zeros(200, dtype=int)
    for known, unseen in folds(groups):
        assert not set(groups[known]) & set(groups[unseen])
        measured[unseen] += 1
    assert (measured == 1).all()


def test_the_same_library_teaches_the_same(lesson: Taught) -> None:
    again = taught(library())
    assert store.checksummed(again.metric).checksum == store.checksummed(lesson.metric).checksum
    assert store.checksummed(taught(library(seed=2)).metric).checksum != store.checksummed(lesson.metric).checksum


def test_kernel_against_counting() -> None:
    random = np.random.default_rng(0)
    one, other = (random.standard_normal((n, 5)).astype(np.float32) for n in (4, 6))
    counted = ((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2)
    near = kernel([one, one], [other, other], np.array([2.0, 4.0]))
    assert np.allclose(near, (np.exp(-counted / 2.0) + np.exp(-counted / 4.0)) / 2.0, atol=1e-5)


def test_saved_and_loaded_it_is_the_same(lesson: Taught, tmp_path: Path) -> None:
    assert store.load_metric(tmp_path, features="features-1") is None
    saved = store.save_metric(lesson.metric, lesson.lesson, tmp_path)
    assert saved.checksum == store.checksummed(lesson.metric).checksum
    found = store.load_metric(tmp_path, features="features-1")
    assert found is not None
    assert found.checksum == saved.checksum
    shown = library().features[:5]
    assert np.array_equal(found.project(shown), saved.project(shown))
    assert store.metric_stamp(tmp_path) is not None


def test_a_damaged_or_foreign_metric_is_refused(lesson: Taught, tmp_path: Path) -> None:
    store.save_metric(lesson.metric, lesson.lesson, tmp_path)
    with pytest.raises(AlignmentError, match=r"taught on features-1.*align_encoders"):
        store.load_metric(tmp_path, features="features-2")
    manifest = tmp_path / store.METRIC_MANIFEST
    good = json.loads(manifest.read_text())
    for bad in ("", "[]", json.dumps({**good, "format": 99}), json.dumps({**good, "weights": "../x"}),
                json.dumps({key: value for key, value in good.items() if key != "widths"})):  # fmt: skip
        manifest.write_text(bad)
        with pytest.raises(AlignmentError, match="align_encoders"):
            store.load_metric(tmp_path, features="features-1")
    manifest.write_text(json.dumps(good))
    (weights,) = tmp_path.glob("metric-*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(AlignmentError, match="not what was saved"):
        store.load_metric(tmp_path, features="features-1")


def test_more_images_than_teach_are_projected(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval.alignment import teach as teaching

    monkeypatch.setattr(teaching, "MOST_TAUGHT", 100)
    found = taught(library())
    assert (found.lesson.images, found.metric.taught.shape[0]) == (100, 100)
    assert found.crossed.shape[0] == 160
    assert isinstance(found.metric, Metric)
