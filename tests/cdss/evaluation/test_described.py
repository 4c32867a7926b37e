"""Text to image on folds of cases, with vectors of which it is known what belongs together."""

from types import SimpleNamespace

import numpy as np
import pytest

from cdss.evaluation.cases import KnownCase
from cdss.evaluation.figures import Result
from cdss.evaluation.suites import described
from cdss.evaluation.workbench import Workbench
from cdss.reasoning.types import CaseInput
from retrieval.alignment.pairs import Pairs

CASES, IMAGES_EACH = 60, 2


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    random = np.random.default_rng(3)
    cases = np.repeat(np.arange(1, CASES + 1), IMAGES_EACH)
    hidden = random.standard_normal((CASES, 6))[cases - 1]
    images = (hidden @ random.standard_normal((6, 24))).astype(np.float32)
    texts = (hidden @ random.standard_normal((6, 16))).astype(np.float32)
    pairs = Pairs(_unit(images), _unit(texts), np.arange(len(cases)), cases, [""] * len(cases))
    encoder = SimpleNamespace(version="synthetic", alignment="")
    monkeypatch.setattr(described, "library_pairs", lambda *_: pairs)
    monkeypatch.setattr(described, "image_encoder", lambda: encoder)
    monkeypatch.setattr(described, "text_encoder", lambda: encoder)
    known = [KnownCase(CaseInput(findings="x"), str(c), "d", "", "", None, item=c) for c in range(1, CASES + 1)]
    return Workbench(known, 7)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_unseen_cases_are_found_above_chance(bench: Workbench) -> None:
    result = Result()
    described.described_figures(bench, result)
    product, chance = result.figures
    assert (product.n, chance.n) == (CASES * IMAGES_EACH, CASES * IMAGES_EACH)
    assert product.low > chance.high


def test_towers_trained_together_are_measured_as_they_are(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = np.repeat(np.arange(1, CASES + 1), IMAGES_EACH)
    joint = _unit(np.random.default_rng(4).standard_normal((CASES, 8)))[cases - 1].astype(np.float32)
    said = [""] * len(cases)
    monkeypatch.setattr(described, "_native_pairs", lambda _: Pairs(joint, joint, np.arange(len(cases)), cases, said))
    monkeypatch.setattr(described, "fit", lambda *_, **__: pytest.fail("nothing is to be fitted"))
    described.image_encoder().alignment = described.NATIVE
    result = Result()
    described.described_figures(bench, result)
    assert result.figures[0].value == 1.0


def test_no_case_is_in_two_folds(bench: Workbench) -> None:
    folds = described._folds(np.repeat(np.arange(13), 2), 7)
    assert sorted(np.concatenate(folds).tolist()) == list(range(13))
