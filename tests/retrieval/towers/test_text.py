"""A prepared text encoder gives what torch gives, batch or not; what is damaged or of another encoder is not run."""

from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders.memo import RememberingTextEncoder
from retrieval.encoders.queries import encode_queries
from retrieval.encoders.text import SentenceTransformerEncoder, version_of
from retrieval.errors import EncoderError
from retrieval.towers import export, prepare, serving, store
from retrieval.towers.checks import TextSample, likeness
from retrieval.towers.text import SHORT, PreparedTextEncoder, batches, padded
from retrieval.types import QueryEncoder, TextEncoder
from tests.tiny_model import tiny_model

WORDS = [f"word{number}" for number in range(60)]
TEXTS = [" ".join(WORDS[start : start + 3 + start % 20]) for start in range(40)]
SAMPLE = TextSample(TEXTS, list(range(40)), [text[:40] for text in TEXTS], list(range(40)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("towers") / "tiny", WORDS)


@pytest.fixture(scope="module")
def reference(folder: Path) -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(folder, name="tiny")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, folder: Path, reference: SentenceTransformerEncoder) -> Path:
    models = tmp_path_factory.mktemp("site")
    needs = serving.text_needs(folder, reference.version)
    prepare.prepare_text(serving.root_of(models), reference=reference, needs=needs, sample=SAMPLE)
    return models


def prepared_encoder(folder: Path, models: Path, reference: SentenceTransformerEncoder) -> PreparedTextEncoder:
    found = serving.text_encoder(
        folder, version=version_of(folder, "tiny"), models_root=models, reference=lambda: reference
    )
    assert found is not None
    return found


def test_it_is_the_same_encoder(folder: Path, models: Path, reference: SentenceTransformerEncoder) -> None:
    encoder = prepared_encoder(folder, models, reference)
    assert isinstance(encoder, TextEncoder)
    assert isinstance(encoder, QueryEncoder)
    assert (encoder.version, encoder.dimension, encoder.max_tokens) == (
        reference.version,
        reference.dimension,
        reference.max_tokens,
    )
    odd = [*TEXTS, "", "x", "word1", "…", "wörd 左", " ".join(WORDS)[: 8 * 50]]
    assert likeness(encoder.encode(odd), reference.encode(odd)).least >= 0.9999
    assert likeness(encoder.encode_queries(odd), reference.encode(odd)).least >= 0.99
    assert encoder.token_offsets("word1 word2") == reference.token_offsets("word1 word2")
    assert encoder.encode([]).shape == encoder.encode_queries([]).shape == (0, reference.dimension)


def test_a_vector_does_not_depend_on_the_texts_beside_it(
    folder: Path, models: Path, reference: SentenceTransformerEncoder
) -> None:
    encoder = prepared_encoder(folder, models, reference)
    together = encoder.encode_queries(TEXTS)
    alone = np.concatenate([encoder.encode_queries([text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-6)


def test_a_text_over_the_window_is_refused(folder: Path, models: Path, reference: SentenceTransformerEncoder) -> None:
    encoder = prepared_encoder(folder, models, reference)
    long = " ".join(WORDS * 3)
    for encode in (encoder.encode, encoder.encode_queries, reference.encode):
        with pytest.raises(EncoderError, match="over the window of 62"):
            encode(["word1", long])


def test_the_memory_keeps_what_is_stored_and_what_is_asked_apart(
    folder: Path, models: Path, reference: SentenceTransformerEncoder
) -> None:
    encoder = RememberingTextEncoder(prepared_encoder(folder, models, reference))
    text = TEXTS[7]
    asked, stored = encode_queries(encoder, [text]), encoder.encode([text])
    assert np.array_equal(encoder.encode([text]), stored)
    assert np.array_equal(encode_queries(encoder, [text]), asked)
    assert likeness(stored, reference.encode([text])).least >= 0.9999


def test_what_is_damaged_is_not_run(
    folder: Path, models: Path, reference: SentenceTransformerEncoder, tmp_path: Path
) -> None:
    import shutil

    site = tmp_path / "site"
    shutil.copytree(models, site)
    version = reference.version
    assert serving.text_encoder(folder, version=version, models_root=site, reference=lambda: reference)
    for path in serving.root_of(site).glob("*/tokenizer.json"):
        path.write_text(path.read_text() + " ")
    assert serving.text_encoder(folder, version=version, models_root=site, reference=lambda: reference) is None


def test_another_library_or_encoder_is_another_matter(
    folder: Path, models: Path, reference: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.text_encoder(folder, version="other@1", models_root=models, reference=lambda: reference) is None
    prepared = store.load(serving.root_of(models), prepare.TEXT, serving.text_needs(folder, reference.version))
    assert prepared is not None
    with pytest.raises(EncoderError, match="another encoder"):
        PreparedTextEncoder(prepared, version="other@1", reference=lambda: reference)
    monkeypatch.setattr(store, "package_version", lambda package: "0")
    assert (
        serving.text_encoder(folder, version=reference.version, models_root=models, reference=lambda: reference) is None
    )


def test_a_network_that_cannot_be_exported_stays_with_torch(
    folder: Path, reference: SentenceTransformerEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no word for it")

    monkeypatch.setattr(export, "export_text", fails)
    monkeypatch.setattr(prepare, "processor_flags", lambda: frozenset())
    needs = serving.text_needs(folder, reference.version)
    made = prepare.prepare_text(tmp_path, reference=reference, needs=needs, sample=SAMPLE)
    assert made.about["roles"] == {"stored": "torch", "queries": "torch"}
    assert "RuntimeError" in made.about["problem"]
    encoder = PreparedTextEncoder(made, version=reference.version, reference=lambda: reference)
    assert np.array_equal(encoder.encode_queries(TEXTS[:3]), reference.encode(TEXTS[:3]))


def test_rounding_that_loses_too_much_is_not_taken(
    folder: Path, reference: SentenceTransformerEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare.checks, "TEXT_COSINE", 1.5)
    needs = serving.text_needs(folder, reference.version)
    made = prepare.prepare_text(tmp_path, reference=reference, needs=needs, sample=SAMPLE)
    assert made.about["roles"]["queries"] != "int8"
    assert made.about["measured"]["queries"]["int8"]["holds"] is False
    assert "int8.onnx" not in made.files


def test_batches_hold_every_text_once_and_bound_their_tokens() -> None:
    lengths = [5, 200, 7, 8, 90, 3, 256, 12]
    found = list(batches(lengths, 256))
    assert sorted(place for group in found for place in group) == list(range(len(lengths)))
    assert all(len(group) == 1 or len(group) * max(lengths[place] for place in group) <= 256 for group in found)
    assert all(len(group) == 1 for group in batches(lengths, 1))
    assert list(batches([], 256)) == []
    ids, mask = padded([[4, 5, 6], [7]], 9)
    assert ids.tolist() == [[4, 5, 6], [7, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert SHORT > 2
