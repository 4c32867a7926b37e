"""What the service does for each question, with the encoders it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from retrieval.encoders.queries import encode_queries
from retrieval.errors import AlignmentError, EncoderError, RetrievalError
from retrieval.service.wire import Message, WireError, array_in, array_out, texts_in
from retrieval.types import ImageEncoder, PatchEncoder, PatchMap, Pixels, TextEncoder, Vectors

# Texts of one question at most, and images.
TEXTS, IMAGES = 256, 64


class Encoders(Protocol):
    """The encoders of a site, in this process."""

    def text(self, version: str) -> TextEncoder:
        """The one with this version. Raises RetrievalError where there is none."""
        ...

    def image(self) -> ImageEncoder: ...


def answer(encoders: Encoders, question: Message) -> Message:
    """One answer; what is refused is an answer too."""
    try:
        work = _WORK[str(question.header.get("op"))]
    except KeyError:
        return refusal("input", "The question is of no known kind.")
    try:
        return work(encoders, question)
    except WireError as error:
        return refusal("input", str(error))
    except AlignmentError as error:
        return refusal("alignment", str(error))
    except RetrievalError as error:
        return refusal("input", str(error))


def answer_texts(encoders: Encoders, questions: Sequence[Message]) -> list[Message]:
    """Answers to several questions for queries of one encoder, encoded together."""
    try:
        asked = [_texts(question) for question in questions]
        encoder = _text_encoder(encoders, questions[0])
        vectors = encode_queries(encoder, [text for texts in asked for text in texts])
    except (WireError, RetrievalError):
        # One of them is at fault: each for itself, so that the others are answered.
        return [answer(encoders, question) for question in questions]
    ends = np.cumsum([len(texts) for texts in asked])
    return [_array(vectors[end - len(texts) : end], encoder.version) for texts, end in zip(asked, ends, strict=True)]


def refusal(kind: str, text: str) -> Message:
    """An answer that says why there is none: `busy`, `version`, `alignment`, `input` or `failed`."""
    return Message({"error": kind, "text": text})


def _text_encoder(encoders: Encoders, question: Message) -> TextEncoder:
    version = str(question.header.get("version", ""))
    encoder = encoders.text(version)
    if encoder.version != version:
        raise EncoderError(f"The encoder service runs {encoder.version}, not {version}.")
    return encoder


def _image_encoder(encoders: Encoders, question: Message) -> ImageEncoder:
    encoder, version = encoders.image(), str(question.header.get("version", ""))
    if version not in (encoder.version, getattr(encoder, "base", encoder.version)):
        raise EncoderError(f"The encoder service runs {encoder.version}, not {version}.")
    return encoder


def _texts(question: Message) -> list[str]:
    texts = texts_in(question.payload)
    if len(texts) > TEXTS:
        raise WireError(f"{len(texts)} texts in one question, more than {TEXTS}.")
    return texts


def _array(array: np.ndarray[Any, Any], version: str, **more: Any) -> Message:
    about, payload = array_out(array)
    return Message({**about, "version": version, **more}, payload)


def _describe_text(encoders: Encoders, question: Message) -> Message:
    encoder = _text_encoder(encoders, question)
    return Message({"version": encoder.version, "dimension": encoder.dimension, "max_tokens": encoder.max_tokens})


def _queries(encoders: Encoders, question: Message) -> Message:
    encoder = _text_encoder(encoders, question)
    return _array(encode_queries(encoder, _texts(question)), encoder.version)


def _stored(encoders: Encoders, question: Message) -> Message:
    encoder = _text_encoder(encoders, question)
    return _array(encoder.encode(_texts(question)), encoder.version)


def _offsets(encoders: Encoders, question: Message) -> Message:
    encoder = _text_encoder(encoders, question)
    found = [np.array(encoder.token_offsets(text), dtype="<i8").reshape(-1, 2) for text in _texts(question)]
    return _array(found[0] if found else np.zeros((0, 2), dtype="<i8"), encoder.version)


def _describe_image(encoders: Encoders, question: Message) -> Message:
    encoder = encoders.image()
    return Message(
        {
            "version": encoder.version,
            "dimension": encoder.dimension,
            "preprocessing": encoder.preprocessing,
            "aligned": encoder.aligned,
            "alignment": getattr(encoder, "alignment", None),
            "patches": encoder.patches_version if isinstance(encoder, PatchEncoder) else "",
        }
    )


def _features(encoders: Encoders, question: Message) -> Message:
    encoder = _image_encoder(encoders, question)
    tower: Callable[[Vectors], Vectors] | None = getattr(encoder, "tower", None)
    batch = array_in(question.header, question.payload)
    if tower is None or batch.ndim != 4 or batch.dtype != np.float32 or not 0 < len(batch) <= IMAGES:
        raise WireError("The image network takes up to 64 prepared images of the built-in encoder.")
    return _array(tower(batch), str(question.header["version"]))


def _maps(encoders: Encoders, question: Message) -> Message:
    encoder = _image_encoder(encoders, question)
    if not isinstance(encoder, PatchEncoder):
        raise EncoderError("The image encoder of this site gives no patches: regions cannot be searched with it.")
    (image,) = _images(question)
    found: PatchMap = encoder.patches([image], fine=bool(question.header.get("fine")))[0]
    return _array(found.vectors.astype("<f4"), str(question.header["version"]), size=[found.width, found.height])


def _encode_images(encoders: Encoders, question: Message) -> Message:
    encoder = _image_encoder(encoders, question)
    return _array(encoder.encode(_images(question)), encoder.version)


def _joint_text(encoders: Encoders, question: Message) -> Message:
    encoder = _image_encoder(encoders, question)
    return _array(encoder.encode_text(_texts(question)), encoder.version)


def _images(question: Message) -> list[Pixels]:
    image = array_in(question.header, question.payload)
    if image.dtype != np.uint8 or image.ndim != 3:
        raise WireError("An image is RGB uint8 (height, width, 3).")
    return [image]


_WORK: Mapping[str, Callable[[Encoders, Message], Message]] = {
    "text.describe": _describe_text,
    "text.queries": _queries,
    "text.stored": _stored,
    "text.offsets": _offsets,
    "image.describe": _describe_image,
    "image.features": _features,
    "image.maps": _maps,
    "image.encode": _encode_images,
    "image.text": _joint_text,
}
