"""Teaching a tiny random model: it learns, stops, and after a kill goes on to the very same bytes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.adaptation.checkpoint import Checkpoint
from retrieval.adaptation.pairs import Lessons
from retrieval.adaptation.tower import Tower
from retrieval.adaptation.train import Settings, Trained, Unseen, begun_with, rank_of_best, train
from retrieval.encoders.text import SentenceTransformerEncoder, folder_digest
from retrieval.errors import AdaptationError

QUICK = Settings(epochs=3, patience=3, batch=8, rate=3e-3, every=4, frozen=0.0, tokens=32)


class KilledError(BaseException):
    """As a signal would end it: nothing is tidied up."""


@pytest.fixture
def teach(tiny: Path, lessons: Lessons, unseen: Unseen, tmp_path: Path) -> Callable[..., tuple[Tower, Trained]]:
    def run(place: str = "run", settings: Settings = QUICK, kill_at: int | None = None) -> tuple[Tower, Trained]:
        def watch(step: str, done: int, total: int) -> None:
            if done == kill_at:
                raise KilledError

        tower = Tower(tiny, tokens=settings.tokens, frozen=settings.frozen)
        checkpoint = Checkpoint(tmp_path / place, begun_with("tiny@1", lessons, unseen, settings))
        return tower, train(tower, lessons, unseen, settings, checkpoint, watch)

    return run


def test_it_learns_what_belongs_together(teach: Callable[..., tuple[Tower, Trained]]) -> None:
    _, trained = teach()
    assert trained.kept > trained.before + 0.1
    assert trained.kept >= max(trained.history)
    assert trained.share > 0


@pytest.mark.parametrize("kill_at", [2, 5, 17, 29])
def test_killed_and_resumed_it_ends_in_the_same_bytes(
    teach: Callable[..., tuple[Tower, Trained]], tmp_path: Path, kill_at: int
) -> None:
    straight, told = teach("straight")
    with pytest.raises(KilledError):
        teach("cut", kill_at=kill_at)
    resumed, again = teach("cut")
    straight.save(tmp_path / "a")
    resumed.save(tmp_path / "b")
    assert folder_digest(tmp_path / "a") == folder_digest(tmp_path / "b")
    assert replace(told, seconds=0) == replace(again, seconds=0)


def test_a_finished_training_is_not_done_again(teach: Callable[..., tuple[Tower, Trained]]) -> None:
    _, first = teach()
    _, second = teach(kill_at=1)
    assert replace(first, seconds=0) == replace(second, seconds=0)


def test_another_seed_does_not_go_on_with_it(teach: Callable[..., tuple[Tower, Trained]]) -> None:
    with pytest.raises(KilledError):
        teach(kill_at=9)
    _, fresh = teach("fresh", replace(QUICK, seed=8))
    _, other = teach(settings=replace(QUICK, seed=8))
    assert replace(fresh, seconds=0) == replace(other, seconds=0)


def test_a_damaged_checkpoint_is_begun_anew(teach: Callable[..., tuple[Tower, Trained]], tmp_path: Path) -> None:
    _, whole = teach("whole")
    with pytest.raises(KilledError):
        teach(kill_at=9)
    (weights,) = (tmp_path / "run").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    _, again = teach()
    assert replace(whole, seconds=0) == replace(again, seconds=0)


def test_it_stops_when_unseen_cases_are_found_no_better(teach: Callable[..., tuple[Tower, Trained]]) -> None:
    # So fast that it forgets.
    _, trained = teach(settings=replace(QUICK, rate=0.5, epochs=6, patience=1))
    assert len(trained.history) < 6
    assert trained.kept >= trained.before


def test_what_is_no_better_is_not_kept(tiny: Path, lessons: Lessons, tmp_path: Path) -> None:
    """Asked for the very text, a model that was taught anything finds it less well than the one before."""
    texts = [f"text about disease{number}" for number in range(12)]
    known = Unseen(texts, texts, [np.array([row]) for row in range(12)])
    settings = replace(QUICK, rate=1.0, epochs=1, shares=(1.0,))
    tower = Tower(tiny, tokens=32, frozen=0.0)
    before = tower.encode(texts)
    trained = train(tower, lessons, known, settings, Checkpoint(tmp_path, "x"))
    assert trained.history[0] < trained.before == trained.kept
    assert trained.share == 0.0
    np.testing.assert_array_equal(tower.encode(texts), before)


def test_the_lower_layers_stay_as_they_are(teach: Callable[..., tuple[Tower, Trained]], tiny: Path) -> None:
    tower = Tower(tiny, tokens=32, frozen=0.5)
    assert not [name for name in tower.weights if "embeddings." in name or ".layer.0." in name]
    assert [name for name in tower.weights if ".layer.1." in name]
    everything = Tower(tiny, tokens=32, frozen=0.0)
    assert len(everything.weights) > len(tower.weights)


def test_too_few_pairs_are_told(teach: Callable[..., tuple[Tower, Trained]]) -> None:
    with pytest.raises(AdaptationError, match=r"pairs of texts.*Import and publish more cases"):
        teach(settings=replace(QUICK, batch=10_000))


def test_a_checkpoint_that_cannot_be_written_is_told(teach: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaptationError, match="could not be written"):
        teach("file/inside")


def test_vectors_are_in_the_order_of_the_texts(tiny: Path) -> None:
    tower = Tower(tiny, tokens=32, frozen=0.0)
    texts = ["text about disease1 and sign1 of a patient", "sign2", *["the sign3 is seen"] * 30, "disease4"]
    together = tower.encode(texts)
    np.testing.assert_allclose(together, np.concatenate([tower.encode([text]) for text in texts]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_saved_tower_is_an_encoder(tiny: Path, tmp_path: Path) -> None:
    tower = Tower(tiny, tokens=8, frozen=0.0)
    tower.save(tmp_path / "saved")
    encoder = SentenceTransformerEncoder(tmp_path / "saved", name="x")
    assert encoder.max_tokens == SentenceTransformerEncoder(tiny, name="y").max_tokens
    np.testing.assert_allclose(encoder.encode(["sign1 is seen"]), tower.encode(["sign1 is seen"]), atol=1e-5)
    assert not [path for path in (tmp_path / "saved").rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]


@pytest.mark.parametrize(
    ("scores", "wanted", "rank"),
    [
        ([3, 2, 1], [0], 1),
        ([3, 2, 1], [1, 2], 2),
        ([1, 1, 1], [2], 3),
        ([1, 1, 1], [0, 1, 2], 1),
        ([np.nan, 2, 1], [0], 3),
        ([np.nan, 2, 1], [1], 2),
        ([np.nan] * 3, [1], 3),
    ],
)
def test_rank_of_best(scores: list[float], wanted: list[int], rank: int) -> None:
    assert rank_of_best(np.array(scores, dtype=np.float32), np.array(wanted)) == rank
