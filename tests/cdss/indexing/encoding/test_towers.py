"""When encoders are prepared, on what, and that torch runs them where it is told to or nothing was prepared."""

from pathlib import Path

import pytest
from django.conf import Settings
from django.core.management import CommandError, call_command

from cdss.indexing.encoding import towers
from cdss.indexing.encoding.encoders import forget, text_encoder
from cdss.indexing.encoding.samples import image_sample, text_sample
from cdss.indexing.encoding.towers import towers_missing, towers_prepare
from cdss.indexing.services import passages_refresh
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.encoders.text import SentenceTransformerEncoder
from retrieval.errors import EncoderError
from retrieval.towers.text import PreparedTextEncoder
from tests.tiny_model import tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepare")
    return tiny_model(folder / "tiny", ("chest", "pain", "nodule", "lung", "left", "right", "with", "of", "the"))


@pytest.fixture
def site_of_tiny(tiny: Path, tmp_path: Path, settings: Settings):  # type: ignore[no-untyped-def]
    settings.MODELS_ROOT, settings.TEXT_ENCODER = tmp_path / "models", str(tiny)
    forget()
    yield settings
    forget()


def test_it_is_prepared_once_and_again_when_a_library_changes(
    site_of_tiny: Settings, make_case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_case("A nodule of the left lung", "Chest pain with a nodule of the left lung. " * 40)
    assert isinstance(text_encoder().encoder, SentenceTransformerEncoder)  # type: ignore[attr-defined]
    assert towers_missing()
    (made,) = towers_prepare()
    assert made.made
    assert not made.problem
    assert made.measured["queries"]["float32"]["cosine_least"] > 0.9999
    assert not towers_missing()
    encoder = text_encoder().encoder  # type: ignore[attr-defined]
    assert isinstance(encoder, PreparedTextEncoder)
    assert encoder.version == made.encoder == encoder.reference.version
    call_command("prepare_encoders")
    assert f"{made.encoder}: queries by " in capsys.readouterr().out
    (again,) = towers_prepare()
    assert not again.made
    monkeypatch.setattr("retrieval.towers.store.package_version", lambda package: "another")
    assert towers_missing()


def test_torch_when_the_site_says_so(site_of_tiny: Settings, db: None) -> None:
    site_of_tiny.ENCODER_RUNTIME = "torch"
    assert not towers_missing()
    assert towers_prepare() == []
    assert isinstance(text_encoder().encoder, SentenceTransformerEncoder)  # type: ignore[attr-defined]


def test_encoders_without_weights_need_nothing(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert not towers_missing()
    call_command("prepare_encoders")
    assert "run by torch" in capsys.readouterr().out


def test_what_fails_is_said(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**kwargs: object) -> None:
        raise EncoderError("The encoder could not be prepared in /x: No space left on device.")

    monkeypatch.setattr("cdss.indexing.management.commands.prepare_encoders.towers_prepare", fails)
    with pytest.raises(CommandError, match="No space left"):
        call_command("prepare_encoders")
    monkeypatch.setattr(towers.settings, "BASE_DIR", Path("/nowhere-at-all"), raising=False)
    with pytest.raises(FileNotFoundError):
        towers.towers_prepare_apart()


def test_the_samples_hold_texts_of_the_site_and_the_library_within_the_window(make_case) -> None:
    encoder = HashingTextEncoder()
    passages_refresh(items=[make_case("A title of this site", "Words of this site alone. " * 100)], encoder=encoder)
    sample = text_sample(encoder)
    assert len(sample.passages) == len(sample.items) > 40
    assert len(sample.queries) == len(sample.wanted) > 100
    assert set(sample.wanted) == set(sample.items)
    assert any(text.startswith("A title of this site") for text in sample.passages)
    assert all(len(encoder.token_offsets(text)) <= encoder.max_tokens for text in (*sample.passages, *sample.queries))
    images = image_sample()
    assert len(images) > 10
    assert all(image.ndim == 3 and image.shape[2] == 3 for image in images)
