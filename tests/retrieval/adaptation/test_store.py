"""Taught encoders on the disk: whole or not there, checked before they are loaded."""

import json
from pathlib import Path

import numpy as np
import pytest

from retrieval.adaptation import store
from retrieval.adaptation.store import Serving, Taught
from retrieval.adaptation.tower import Tower
from retrieval.errors import AdaptationError


@pytest.fixture
def published(tiny: Path, tmp_path: Path) -> tuple[Path, Taught]:
    root = tmp_path / "adapted"
    return root, store.publish(root, Tower(tiny, tokens=32, frozen=0.0).save, base="tiny@1", about={"taught": ["a"]})


def test_what_is_stored_is_loaded(published: tuple[Path, Taught], tiny: Path) -> None:
    root, taught = published
    encoder = store.load(root, taught.name)
    assert encoder.version == taught.version == f"tiny-adapted@{taught.name}"
    np.testing.assert_allclose(
        encoder.encode(["sign1"]), Tower(tiny, tokens=32, frozen=0.0).encode(["sign1"]), atol=1e-5
    )
    assert store.read(root, taught.name) == taught
    assert store.taught_encoders(root) == [taught]
    assert [path.name for path in root.iterdir()] == [taught.name]


def test_the_same_weights_are_stored_once(published: tuple[Path, Taught], tiny: Path) -> None:
    root, taught = published
    again = store.publish(root, Tower(tiny, tokens=32, frozen=0.0).save, base="tiny@1", about={"taught": ["b"]})
    assert again.name == taught.name
    assert store.read(root, taught.name).about == {"taught": ["b"]}


def test_nothing_half_written_stays(published: tuple[Path, Taught], tiny: Path) -> None:
    root, taught = published

    def cut(folder: Path) -> None:
        Tower(tiny, tokens=32, frozen=0.0).save(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.publish(root, cut, base="tiny@1", about={})
    (root / ".unfinished-left").mkdir()
    assert store.taught_encoders(root) == [taught]
    store.publish(root, Tower(tiny, tokens=32, frozen=0.0).save, base="tiny@1", about={})
    assert [path.name for path in root.iterdir()] == [taught.name]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_file_is_not_loaded(published: tuple[Path, Taught], name: str) -> None:
    root, taught = published
    path = root / taught.name / "model" / name
    data = path.read_bytes()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    with pytest.raises(AdaptationError, match=r"not what was stored.*--rollback"):
        store.load(root, taught.name)


def test_a_missing_or_added_file_is_not_loaded(published: tuple[Path, Taught]) -> None:
    root, taught = published
    (root / taught.name / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(AdaptationError, match="not what was stored"):
        store.load(root, taught.name)
    (root / taught.name / "model" / "pytorch_model.bin").unlink()
    (root / taught.name / "model" / "config.json").unlink()
    with pytest.raises(AdaptationError, match="not what was stored"):
        store.load(root, taught.name)


@pytest.mark.parametrize("bad", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1, "files": {}}'])
def test_a_damaged_manifest_is_told(published: tuple[Path, Taught], bad: str) -> None:
    root, taught = published
    (root / taught.name / "manifest.json").write_text(bad)
    with pytest.raises(AdaptationError, match="missing or damaged"):
        store.load(root, taught.name)
    assert store.taught_encoders(root) == []


def test_which_one_serves(published: tuple[Path, Taught]) -> None:
    root, taught = published
    assert (store.serving(root), store.stamp(root)) == (None, None)
    serving = Serving("tiny@1", taught.name, "")
    store.serve(root, serving)
    assert store.serving(root) == serving
    first = store.stamp(root)
    store.serve(root, Serving("tiny@1", "", None))
    assert store.stamp(root) != first


@pytest.mark.parametrize(
    "bad", ["", "{", "[]", "{}", json.dumps({"format": 1, "base": "b", "name": "../elsewhere", "before": None})]
)
def test_what_says_who_serves_may_be_damaged(published: tuple[Path, Taught], bad: str) -> None:
    root, _ = published
    (root / "serving.json").write_text(bad)
    assert store.serving(root) is None


def test_what_is_not_kept_is_removed(published: tuple[Path, Taught]) -> None:
    root, taught = published
    store.discard(root, keep={taught.name})
    assert store.taught_encoders(root) == [taught]
    store.discard(root, keep={""})
    assert list(root.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaptationError, match="could not be written"):
        store.publish(tmp_path / "file", Tower(tiny, tokens=32, frozen=0.0).save, base="tiny@1", about={})
