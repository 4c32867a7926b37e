"""A cross-encoder in a local folder: what is read, what is refused, and when it stops."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders.cross import CrossEncoderScorer, local_folder, problem_of
from retrieval.encoders.registry import pair_scorer
from retrieval.errors import EncoderError
from tests.retrieval.tiny_cross_encoder import build

QUERY = "nodule with popcorn calcification"
PASSAGES = ["hamartoma with fat", "stone of the ureter", "pain", "calcification of the lung " * 60, ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def scorer(folder: Path) -> CrossEncoderScorer:
    return CrossEncoderScorer(folder, name="tiny", batch_size=2)


def later() -> float:
    return time.monotonic() + 60


def test_each_passage_has_its_score_whatever_its_batch(scorer: CrossEncoderScorer) -> None:
    together = scorer.scores(QUERY, PASSAGES, deadline=later())
    alone = [scorer.scores(QUERY, [passage], deadline=later())[0] for passage in PASSAGES]
    assert together.shape == (len(PASSAGES),)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert len(set(together.round(6))) > 1


def test_the_query_counts(scorer: CrossEncoderScorer) -> None:
    one, other = (scorer.scores(query, PASSAGES[:2], deadline=later()) for query in (QUERY, "pain"))
    assert not np.array_equal(one.round(6), other.round(6))


def test_a_query_over_the_window_is_cut(scorer: CrossEncoderScorer) -> None:
    assert scorer.scores("nodule " * 5000, ["fat"], deadline=later()).shape == (1,)


def test_nothing_is_scored_after_the_deadline(scorer: CrossEncoderScorer) -> None:
    assert scorer.scores(QUERY, PASSAGES, deadline=time.monotonic() - 1).shape == (0,)
    assert scorer.scores(QUERY, [], deadline=later()).shape == (0,)


def test_the_version_names_the_weights(scorer: CrossEncoderScorer, tmp_path: Path) -> None:
    other = CrossEncoderScorer(build(tmp_path / "other", seed=1), name="tiny")
    assert scorer.version.startswith("tiny@")
    assert len(scorer.version) == len("tiny@") + 64
    assert other.version != scorer.version


def test_weights_that_give_no_numbers_are_told(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = build(tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] = np.full_like(weights["classifier.bias"], np.nan)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="no numbers"):
        CrossEncoderScorer(folder, name="broken").scores(QUERY, PASSAGES, deadline=later())


def test_weights_that_are_cut_off_are_told(tmp_path: Path) -> None:
    folder = build(tmp_path / "cut")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    assert problem_of(folder) == ""
    with pytest.raises(EncoderError, match="cannot be loaded"):
        CrossEncoderScorer(folder, name="cut")


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = build(tmp_path / "pickled", safetensors=False)
    assert "no safetensors" in problem_of(folder)
    with pytest.raises(EncoderError, match="no safetensors"):
        CrossEncoderScorer(folder, name="pickled")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code of its own"),
        ({"architectures": ["BertModel"]}, "no cross-encoder"),
        ({"architectures": None}, "no cross-encoder"),
        ({"id2label": {"0": "a", "1": "b"}}, "several labels"),
    ],
)
def test_other_models_are_refused_by_their_configuration(
    folder: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert said in problem_of(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "null"])
def test_a_configuration_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert "config.json" in problem_of(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="is no folder"):
        pair_scorer(str(tmp_path / "nowhere"), models_root=tmp_path)


def test_a_hub_name_is_read_where_it_was_put_and_never_fetched(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(EncoderError, match="never fetched"):
        local_folder("someone/cross-encoder", tmp_path)
    stored = tmp_path / "hub" / "models--someone--cross-encoder"
    snapshot = stored / "snapshots" / ("0" * 40)
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(folder)
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("0" * 40)
    assert local_folder("someone/cross-encoder", tmp_path).samefile(folder)
    assert pair_scorer("someone/cross-encoder", models_root=tmp_path).version.startswith("cross-encoder@")
