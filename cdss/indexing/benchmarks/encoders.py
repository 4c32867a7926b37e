"""Encoding a question, an image and a library beside sentence-transformers and open_clip as they come, in torch."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from cdss.indexing.benchmarks.data import REAL_FROM, plain, question, texts
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row, Unmeasurable
from cdss.indexing.encoding.encoders import image_encoder, text_encoder
from cdss.indexing.encoding.samples import image_sample
from cdss.indexing.encoding.towers import towers_prepare
from cdss.indexing.splitting import encoded_text
from cdss.library.models import Passage, State

if TYPE_CHECKING:
    from retrieval.types import ImageEncoder, Pixels, TextEncoder, Vectors

PEER, IMAGE_PEER = "sentence-transformers, torch", "open_clip, torch"
# Passages of one turn: what a build encodes at once.
CHUNK = 64
TURNS = 6


def measure_question(bench: Bench) -> Outcome:
    """One question at a time, as a search asks."""
    from retrieval.encoders.queries import encode_queries

    encoder, peer, loss = _text(), _sentence_transformer(), _ndcg_loss()
    asked = [question(number) for number in range(bench.queries)]
    times = bench.interleaved(
        {
            "ours": lambda turn: encode_queries(encoder, [asked[turn % len(asked)]]),
            PEER: lambda turn: _peer_encodes(peer, [asked[turn % len(asked)]]),
        },
        turns=bench.queries,
    )
    ours = np.concatenate([encode_queries(encoder, [text]) for text in asked])
    figures = {**_cosines(ours, _peer_encodes(peer, asked)), **({} if loss is None else {"nDCG loss, points": loss})}
    return Outcome(times=times, ours="ours", against=PEER, figures=figures, notes=[_how(encoder)])


def measure_library(bench: Bench) -> Outcome:
    """As many passages as a build takes at once, on one core."""
    encoder, peer = _text(), _sentence_transformer()
    passages = _passages(encoder, CHUNK * TURNS, bench.seed)
    chunks = [passages[start : start + CHUNK] for start in range(0, len(passages), CHUNK)]
    times = bench.interleaved(
        {
            "ours": lambda turn: encoder.encode(chunks[turn % len(chunks)]),
            PEER: lambda turn: _peer_encodes(peer, chunks[turn % len(chunks)]),
        },
        turns=TURNS,
    )
    each = {name: [value / CHUNK for value in values] for name, values in times.items()}
    figures = {f"passages/s, {name}": 1000 / float(np.median(values)) for name, values in each.items()}
    figures |= _cosines(encoder.encode(chunks[0]), _peer_encodes(peer, chunks[0]))
    return Outcome(times=each, ours="ours", against=PEER, unit="ms a passage", figures=figures, notes=[_how(encoder)])


def measure_image(bench: Bench) -> Outcome:
    """From pixels to a vector, one image at a time."""
    encoder, images = _image(), image_sample()
    peer = _open_clip()
    turns = max(10, bench.queries // 3)
    times = bench.interleaved(
        {
            "ours": lambda turn: encoder.encode([images[turn % len(images)]]),
            IMAGE_PEER: lambda turn: peer([images[turn % len(images)]]),
        },
        turns=turns,
    )
    figures = _cosines(_plain_vectors(encoder, images), peer(images))
    return Outcome(times=times, ours="ours", against=IMAGE_PEER, figures=figures)


def measure_service(bench: Bench) -> Outcome:
    """What the way over the socket costs, with nobody else asking."""
    from retrieval.encoders.queries import encode_queries
    from retrieval.service.client import EncoderClient
    from retrieval.service.remote import RemoteTextEncoder
    from retrieval.service.server import EncoderServer

    encoder, path = _text(), bench.folder / "e.sock"
    server, ready = EncoderServer(path, _Held(encoder)), threading.Event()
    thread = threading.Thread(target=server.run, args=(ready,), daemon=True)
    thread.start()
    if not ready.wait(10):
        raise Unmeasurable("no socket can be made in the folder of the run")
    remote = RemoteTextEncoder(EncoderClient(path), encoder.version)
    try:
        times = bench.interleaved(
            {
                "through the service": lambda turn: encode_queries(remote, [question(turn)]),
                "in this process": lambda turn: encode_queries(encoder, [question(turn)]),
            },
            turns=bench.queries,
        )
    finally:
        server.stop()
        thread.join(10)
    return Outcome(times=times, ours="through the service", against="in this process")


class _Held:
    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder

    def text(self, version: str) -> TextEncoder:
        return self.encoder

    def image(self) -> ImageEncoder:
        return image_encoder()


def _text() -> TextEncoder:
    if settings.TEXT_ENCODER == "hashing":
        raise Unmeasurable("the hashing encoder has no network")
    towers_prepare()
    return plain(text_encoder())


def _image() -> ImageEncoder:
    if settings.IMAGE_ENCODER != "builtin":
        raise Unmeasurable("the image encoder is not the built-in one")
    towers_prepare()
    return image_encoder()


def _sentence_transformer() -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    from retrieval.encoders import registry

    torch.set_num_threads(settings.MODEL_THREADS)
    folder, _ = registry.text_folder(settings.TEXT_ENCODER, models_root=Path(settings.MODELS_ROOT))
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def _peer_encodes(model: Any, passages: list[str]) -> Vectors:
    found: Vectors = model.encode(passages, normalize_embeddings=True, show_progress_bar=False)
    return found


def _open_clip() -> Any:
    """The same network and weights as open_clip runs them."""
    import torch

    from retrieval.encoders.builtin import Lite0Torch
    from retrieval.encoders.lite0 import lite0_input

    model = Lite0Torch(settings.MODEL_THREADS).model()

    def encode(images: list[Pixels]) -> Vectors:
        with torch.inference_mode():
            batch = torch.from_numpy(np.stack([lite0_input(image) for image in images]))
            found: Vectors = model.encode_image(batch, normalize=True).numpy()
        return found

    return encode


def _plain_vectors(encoder: ImageEncoder, images: list[Pixels]) -> Vectors:
    """Without what the site taught: the peer knows nothing of it."""
    from retrieval.types import TeachableImageEncoder

    if isinstance(encoder, TeachableImageEncoder):
        return encoder.plain(encoder.features(images))
    return encoder.encode(images)


def _passages(encoder: TextEncoder, count: int, seed: int) -> list[str]:
    rows = Passage.objects.filter(item__state=State.PUBLISHED).order_by("pk").values_list("item__title", "text")
    found = list(rows)
    if len(found) < REAL_FROM:
        drawn = texts(count, seed)
        return [text[: encoder.token_offsets(text)[: encoder.max_tokens - 1][-1][0]] for text in drawn]
    chosen = np.random.default_rng(seed).permutation(len(found))[:count]
    return [encoded_text(title, text, encoder) for title, text in (found[place] for place in chosen)]


def _cosines(ours: Vectors, theirs: Vectors) -> dict[str, float]:
    from retrieval.towers.checks import likeness

    found = likeness(ours, theirs)
    return {"cosine": found.mean, "least cosine": found.least}


def _ndcg_loss() -> float | None:
    """Of the way queries are encoded, in points of 100, as it was checked on this site."""
    for state in towers_prepare():
        way = state.measured.get("queries", {}).get(state.roles.get("queries", ""), {})
        if "ndcg_loss" in way:
            return max(0.0, 100 * float(way["ndcg_loss"]))
    return None


def _how(encoder: TextEncoder) -> str:
    numerics: dict[str, str] = getattr(encoder, "numerics", {})
    return "Run by: " + (", ".join(f"{role} {way}" for role, way in numerics.items()) or "torch") + "."


ROWS = [
    Row(
        "encode.question",
        "text query encode",
        measure_question,
        must=Goal(ratio=0.5, least={"cosine": 0.99}, most={"nDCG loss, points": 0.5}),
        aim=Goal(ratio=0.25, least={"cosine": 0.99}, most={"nDCG loss, points": 0.5}),
    ),
    Row(
        "encode.image",
        "image encode",
        measure_image,
        must=Goal(ratio=0.6, least={"cosine": 0.995}),
        aim=Goal(ratio=0.4, least={"cosine": 0.995}),
    ),
    Row("encode.library", "bulk import, encoding", measure_library, must=Goal(ratio=1 / 1.5), aim=Goal(ratio=0.5)),
    Row("encode.service", "text query encode through the encoder service", measure_service),
]
