import numpy as np
import pytest

from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder
from retrieval.encoders.registry import image_encoder, text_encoder
from retrieval.errors import AlignmentError, EncoderError
from retrieval.types import ImageEncoder, TextEncoder


def test_they_are_encoders() -> None:
    assert isinstance(HashingTextEncoder(), TextEncoder)
    assert isinstance(HashingImageEncoder(), ImageEncoder)


def test_similar_texts_have_similar_vectors() -> None:
    vectors = HashingTextEncoder().encode(
        ["a mass in the left lung", "the left lung has a mass", "fracture of a wrist", ""]
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > 0.5 > similarity[0, 2]
    np.testing.assert_array_equal(
        vectors,
        HashingTextEncoder().encode(["a mass in the left lung", "the left lung has a mass", "fracture of a wrist", ""]),
    )


def test_a_text_over_the_window_is_refused_not_truncated() -> None:
    with pytest.raises(EncoderError, match="5 tokens is over the window of 4"):
        HashingTextEncoder(max_tokens=4).encode(["one two three four five"])


def test_similar_images_have_similar_vectors() -> None:
    random = np.random.default_rng(0)
    one = random.integers(0, 255, (60, 50, 3), dtype=np.uint8)
    other = np.zeros((7, 9, 3), dtype=np.uint8)
    vectors = HashingImageEncoder().encode([one, np.clip(one.astype(int) + 3, 0, 255).astype(np.uint8), other])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.95 > vectors[0] @ vectors[2]
    assert HashingImageEncoder().encode([]).shape == (0, 128)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_rgb_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(EncoderError, match="RGB uint8"):
        HashingImageEncoder().encode([image])


def test_it_has_no_joint_space() -> None:
    assert not HashingImageEncoder().aligned
    with pytest.raises(AlignmentError, match="joint space"):
        HashingImageEncoder().encode_text(["a mass"])


def test_the_registry_knows_them(tmp_path) -> None:
    assert isinstance(text_encoder("hashing", models_root=tmp_path), HashingTextEncoder)
    assert isinstance(image_encoder("hashing", models_root=tmp_path), HashingImageEncoder)


@pytest.mark.parametrize("spec", ["", "/nowhere/at/all", "./nothing"])
def test_an_encoder_that_is_not_there_is_named(tmp_path, spec: str) -> None:
    with pytest.raises(EncoderError, match=spec or "No text encoder"):
        text_encoder(spec, models_root=tmp_path)
