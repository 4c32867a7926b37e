"""A site's labels teach the image encoder a metric, and the index follows."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import Settings
from django.core.management import CommandError, call_command
from PIL import Image

from cdss.audit.models import Event
from cdss.indexing.encoding.encoders import image_encoder
from cdss.indexing.models import ImageEmbedding, IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.indexing.taught.alignment import alignment_folder
from cdss.library.models import Case, CaseImage
from retrieval.alignment import store
from retrieval.alignment.metric import Metric, unit
from retrieval.encoders import registry
from retrieval.encoders.hashing import HashingImageEncoder
from retrieval.types import Pixels, Query, TeachableImageEncoder, Vectors

LABELS = ("stripes", "bands", "blocks")
encoded: list[int] = []


class Teachable(HashingImageEncoder):
    """The hashing encoder with a metric to be taught on the rows and columns of a small picture."""

    widths, kernels, alignment, base = (24, 64), 2, "", "hashing-image-1-128"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.stamp = store.metric_stamp(folder)
        self.metric: Metric | None = store.load_metric(folder, features=self.features_version)

    @property
    def version(self) -> str:
        return f"{self.base}+{self.metric.checksum[:12]}" if self.metric else self.base

    @property
    def dimension(self) -> int:
        return self.metric.dimension if self.metric else 3

    @property
    def features_version(self) -> str:
        return f"{self.base}~small1"

    @property
    def stale(self) -> bool:
        return store.metric_stamp(self.folder) != self.stamp

    def features(self, images: list[Pixels]) -> Vectors:
        encoded.append(len(images))
        small = np.stack([np.asarray(Image.fromarray(image).convert("L").resize((12, 12)), float) for image in images])
        profile = np.concatenate([small.std(axis=1), small.std(axis=2)], axis=1)
        return np.concatenate([profile, small[:, :8, :8].reshape(len(images), -1)], axis=1).astype(np.float32)

    def plain(self, features: Vectors) -> Vectors:
        return unit(features[:, 24:27])

    def vectors(self, features: Vectors) -> Vectors:
        return self.metric.project(features) if self.metric else self.plain(features)

    def encode(self, images: Any) -> Vectors:
        return self.vectors(self.features(images))

    def taught(self, metric: Metric) -> Teachable:
        other = copy.copy(self)
        other.metric = metric
        return other


@pytest.fixture(autouse=True)
def teachable(settings: Settings, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MODELS_ROOT = site / "models"
    encoded.clear()
    monkeypatch.setattr(registry, "image_encoder", lambda spec, **options: Teachable(alignment_folder()))


def picture(label: str, seed: int) -> Pixels:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] + random.integers(0, 16)
    wave = {"stripes": x // 8 % 2, "bands": y // 8 % 2, "blocks": (x // 8 + y // 8) % 2}[label] * 60.0
    values = wave + random.integers(0, 120) + random.standard_normal((64, 64)) * 50
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def labelled(make_case: Callable[..., Any], make_image: Callable[..., CaseImage], site: Path) -> list[CaseImage]:
    """Sixty cases whose picture shows their diagnosis."""
    images = []
    for number in range(60):
        label = LABELS[number % len(LABELS)]
        image = make_image(make_case(f"Case {number}", "A picture.", diagnosis=label.title()), seed=number)
        Image.fromarray(picture(label, number)).save(site / "media" / image.file.name)
        images.append(image)
    return images


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("align_encoders", *arguments, stdout=out)
    return out.getvalue()


def closest(label: str, seed: int) -> str:
    hits = search_library(user=None, query=Query(images=[picture(label, seed)], k=1)).hits
    return Case.objects.get(pk=hits[0].item).diagnosis.lower()


def right() -> int:
    return sum(closest(label, 1000 + seed) == label for label in LABELS for seed in range(10))


def test_unseen_pictures_find_their_like_with_the_index_that_follows(labelled: list[CaseImage]) -> None:
    index_build()
    before = right()
    told = json.loads(run("--json"))
    assert told["metric"]["promoted"]
    (figure,) = told["metric"]["figures"]
    assert (figure["label"], figure["source"], figure["images"]) == ("diagnosis", "tests", 60)
    assert figure["after"] > figure["before"]
    newest = IndexVersion.objects.first()
    assert newest is not None
    assert newest.name == told["index"]
    assert newest.image_encoder == image_encoder().version != Teachable.base
    assert right() > before
    assert isinstance(image_encoder(), TeachableImageEncoder)
    # No captions: the images are taught all the same, and it is said that text is not aligned.
    assert "images with a caption" in told["problem"]


def test_nothing_is_encoded_twice(labelled: list[CaseImage]) -> None:
    index_build()
    assert sum(encoded) == 60
    run()
    index_build()
    index_build(rebuild=True)
    assert sum(encoded) == 60
    assert ImageEmbedding.objects.filter(encoder__contains="~small1|").count() == 60


def test_without_an_index_the_next_build_uses_it(labelled: list[CaseImage]) -> None:
    assert json.loads(run("--json"))["index"] == ""
    assert not IndexVersion.objects.exists()
    assert index_build().image_encoder == image_encoder().version != Teachable.base


def test_the_same_library_changes_nothing_the_second_time(labelled: list[CaseImage]) -> None:
    index_build()
    first = json.loads(run("--json"))["index"]
    assert json.loads(run("--json"))["index"] == first
    assert Event.objects.filter(action="library.aligned").count() == 2


def test_a_metric_that_is_no_better_does_not_serve(labelled: list[CaseImage], monkeypatch: pytest.MonkeyPatch) -> None:
    before = index_build()
    CaseImage.objects.update(caption="A picture.")
    monkeypatch.setattr("retrieval.alignment.teach.Lesson.better", property(lambda lesson: False))
    told = run()
    assert "It is no better, so nothing was changed." in told
    assert image_encoder().version == Teachable.base
    assert IndexVersion.objects.first() == before


def test_synthetic_cases_teach_nothing(labelled: list[CaseImage]) -> None:
    Case.objects.update(synthetic=True)
    with pytest.raises(CommandError, match="images with a caption"):
        run()
    assert image_encoder().version == Teachable.base


def test_a_metric_of_another_process_is_taken_up(labelled: list[CaseImage]) -> None:
    index_build()
    held = image_encoder()
    run()
    assert held.version == Teachable.base
    assert image_encoder().version != Teachable.base


def test_the_figures_are_told_in_words(labelled: list[CaseImage]) -> None:
    index_build()
    told = run()
    assert "60 images taught 3 classes" in told
    assert "diagnosis (tests):" in told
    assert "Index " in told


@pytest.mark.parametrize("shared", ["patient", "picture"])
def test_images_of_a_patient_or_of_one_picture_are_one_group(labelled: list[CaseImage], shared: str) -> None:
    from cdss.indexing.taught.metric import _groups

    if shared == "patient":
        Case.objects.filter(pk__in=[image.case_id for image in labelled[:4]]).update(source_group="salted")
    else:
        CaseImage.objects.filter(pk__in=[image.pk for image in labelled[:4]]).update(sha256="f" * 64)
    groups = _groups(list(CaseImage.objects.select_related("case").order_by("pk")))
    assert len(set(groups[:4].tolist())) == 1
    assert len(set(groups.tolist())) == 57


def test_metrics_to_measure_with_cover_every_case_and_were_not_taught_on_it(labelled: list[CaseImage]) -> None:
    from cdss.indexing.taught.metric import image_features, unseen_metrics

    encoder = image_encoder()
    assert isinstance(encoder, TeachableImageEncoder)
    features = image_features(encoder=encoder, progress=lambda *given: None)
    found = list(unseen_metrics(encoder=encoder, features=features))
    covered = [case for unseen in found for case in unseen.cases]
    assert sorted(covered) == sorted(image.case_id for image in labelled)
    for unseen in found:
        assert unseen.metric is not None
        assert len(unseen.metric.taught) == 60 - len(unseen.cases)


def test_the_image_suite_asks_with_metrics_that_did_not_see_the_case(labelled: list[CaseImage]) -> None:
    from cdss.evaluation.cases import KnownCase, KnownImage
    from cdss.evaluation.suites.unseen import unseen_nearest
    from cdss.evaluation.workbench import Workbench
    from cdss.reasoning.types import CaseInput

    index_build()
    known = [
        KnownCase(
            CaseInput(findings=f"picture {image.pk}"), image.case.source_id, "d", "", "", None, item=image.case_id
        )
        for image in labelled[:6]
    ]
    bench = Workbench(known, 7)
    asking = [(place, KnownImage("", "", stored=image)) for place, image in enumerate(labelled[:6])]
    cases = {image.pk: image.case_id for image in labelled}
    assert unseen_nearest(bench, asking, cases) == {}
    run()
    found = unseen_nearest(bench, asking, cases)
    assert set(found) == set(range(6))
    for place, image in enumerate(labelled[:6]):
        assert found[place] not in (None, image.pk)
        assert CaseImage.objects.get(pk=found[place]).case.diagnosis == image.case.diagnosis
