"""Prepares the towers of an encoder: exports them, tries what is faster, and keeps what holds on the real weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.machine import BFLOAT16, processor_flags
from retrieval.towers import checks, export, store
from retrieval.towers.session import OnnxTower
from retrieval.towers.text import SHORT, TOKENS, TORCH, TorchTower, run

if TYPE_CHECKING:
    from retrieval.encoders.text import SentenceTransformerEncoder
    from retrieval.towers.checks import Likeness, TextSample
    from retrieval.towers.store import Prepared
    from retrieval.towers.text import Tower
    from retrieval.types import Vectors

    Towers = dict[str, Tower]

TEXT, IMAGES = "text", "images"
OPTIONS: Mapping[str, Any] = {
    "opset": export.OPSET,
    "tokens": TOKENS,
    "short": SHORT,
    "same": checks.SAME_COSINE,
    "text": checks.TEXT_COSINE,
    "ndcg": checks.NDCG_LOSS,
}
# Texts that are timed.
_TIMED = 12


def prepare_text(
    root: Path, *, reference: SentenceTransformerEncoder, needs: Mapping[str, Any], sample: TextSample
) -> Prepared:
    """Makes and stores what a text encoder is run with: for what is stored, and for queries.

    Args:
        root: folder of all prepared towers.
        reference: the encoder in torch.
        needs: see `store.dependencies`.
        sample: what it is checked on; every text within the window.

    Raises:
        EncoderError: nothing can be written there. A network that cannot be exported is no error: torch stays.
    """
    return store.publish(root, TEXT, needs, lambda folder: _Text(reference, sample, folder).made())


def prepare_images(
    root: Path,
    *,
    version: str,
    network: Any,
    reference: Callable[[Vectors], Vectors],
    blocks: Sequence[int],
    needs: Mapping[str, Any],
    sample: Vectors,
) -> Prepared:
    """Makes and stores what the network of an image encoder is run with.

    Args:
        root: folder of all prepared towers.
        version: of the encoder.
        network: a torch module from (n, 3, height, width) to (n, dimension).
        reference: the same, as arrays.
        blocks: widths of the parts of its output; each has to be like the reference's by itself.
        needs: see `store.dependencies`.
        sample: (n, 3, height, width) float32 inputs it is checked on.

    Raises:
        EncoderError: nothing can be written there. A network that cannot be exported is no error: torch stays.
    """

    def make(folder: Path) -> Mapping[str, Any]:
        path, problem, role = folder / export.FLOAT32, "", TORCH
        measured: dict[str, Any] = {}
        try:
            export.export_images(network, path, height=sample.shape[2], width=sample.shape[3])
            tower = OnnxTower(path)
            alike = _least(tower(sample), reference(sample), blocks)
            spent = checks.seconds(
                {TORCH: lambda: reference(sample[:1]), "float32": lambda: tower(sample[:1])}, rounds=9
            )
            holds = {"float32": alike.least >= checks.SAME_COSINE}
            role, measured = checks.chosen(spent, {"float32": alike}, holds, reference=TORCH)
        except Exception as error:
            # Whatever a network does that ONNX has no word for: torch goes on running it.
            problem = f"It cannot be exported: {type(error).__name__}."
        if role == TORCH:
            path.unlink(missing_ok=True)
        return {"encoder": version, "roles": {"images": role}, "measured": {"images": measured}, "problem": problem}

    return store.publish(root, IMAGES, needs, make)


def _least(found: Vectors, expected: Vectors, blocks: Sequence[int]) -> Likeness:
    ends = np.cumsum(blocks)
    parts = [
        checks.likeness(found[:, end - width : end], expected[:, end - width : end])
        for end, width in zip(ends, blocks, strict=True)
    ]
    return min(parts, key=lambda part: part.least)


class _Text:
    """One preparation: the reference, what it says of the sample, and the folder that is being made."""

    def __init__(self, reference: SentenceTransformerEncoder, sample: TextSample, folder: Path) -> None:
        self.reference, self.sample, self.folder = reference, sample, folder
        self.about = reference.about_tokens()
        self.passages = reference.encode(sample.passages)
        self.queries = np.concatenate([reference.encode([text]) for text in sample.queries])
        self.problem = ""

    def made(self) -> Mapping[str, Any]:
        (self.folder / "tokenizer.json").write_text(self.reference.whole_tokenizer.to_str())
        exported = self._exported()
        stored, of_stored = self._stored(exported)
        queries, of_queries = self._asked(exported) if exported else (TORCH, {})
        for numerics in ("float32", "int8"):
            # What is short is never rounded.
            if numerics not in (stored, queries) and not (numerics == "float32" and queries == "int8"):
                (self.folder / f"{numerics}.onnx").unlink(missing_ok=True)
        return {
            "encoder": self.reference.version,
            "text": self.about,
            "roles": {"stored": stored, "queries": queries},
            "measured": {"stored": of_stored, "queries": of_queries},
            "problem": self.problem,
        }

    def _exported(self) -> OnnxTower | None:
        path = self.folder / export.FLOAT32
        try:
            export.export_text(self.reference.network_again(), path, token_types=self.about["token_types"])
            return OnnxTower(path)
        except Exception as error:
            # Whatever a network does that ONNX has no word for: torch goes on running it.
            self.problem = f"It cannot be exported: {type(error).__name__}."
            path.unlink(missing_ok=True)
            return None

    def _stored(self, exported: OnnxTower | None) -> tuple[str, dict[str, Any]]:
        towers: Towers = {"float32": exported} if exported else {}
        if BFLOAT16 & processor_flags():
            towers["bfloat16"] = TorchTower(self.reference.network, token_types=self.about["token_types"])
        alike = {name: checks.likeness(self._run(towers, name, self.sample.passages), self.passages) for name in towers}
        texts = self.sample.passages[:_TIMED]
        timed: dict[str, Callable[[], Any]] = {TORCH: lambda: self.reference.encode(texts)}
        for name in towers:
            timed[name] = partial(self._run, towers, name, texts)
        holds = {name: found.least >= checks.SAME_COSINE for name, found in alike.items()}
        return checks.chosen(checks.seconds(timed), alike, holds, reference=TORCH)

    def _asked(self, exported: OnnxTower) -> tuple[str, dict[str, Any]]:
        best = checks.ndcg(self.queries, self.passages, self.sample)
        towers: Towers = {"float32": exported}
        alike, lost, holds = {}, {}, {}
        alike["float32"], lost["float32"] = self._compared(towers, "float32", best)
        holds["float32"] = alike["float32"].least >= checks.SAME_COSINE
        left: list[str] = []
        for kept in self._rounded():
            left = list(kept)
            towers["int8"] = OnnxTower(self.folder / export.INT8)
            alike["int8"], lost["int8"] = self._compared(towers, "int8", best)
            holds["int8"] = alike["int8"].least >= checks.TEXT_COSINE and lost["int8"] <= checks.NDCG_LOSS
            if holds["int8"]:
                break
        texts = self.sample.queries[:_TIMED]
        timed: dict[str, Callable[[], Any]] = {TORCH: lambda: [self.reference.encode([text]) for text in texts]}
        for name in towers:
            timed[name] = partial(self._each, towers, name, texts)
        role, measured = checks.chosen(checks.seconds(timed), alike, holds, reference=TORCH)
        for name, loss in lost.items():
            measured[name]["ndcg_loss"] = round(loss, 5)
        measured[TORCH]["ndcg"] = round(best, 5)
        if "int8" in measured:
            measured["int8"]["left_in_float32"] = left
        return role, measured

    def _rounded(self) -> Iterator[Sequence[str]]:
        """int8 files with fewer and fewer products rounded, each in the place of the one before."""
        source, target = self.folder / export.FLOAT32, self.folder / export.INT8
        try:
            for kept in export.rungs(source):
                export.quantise(source, target, but=kept)
                yield kept
        except Exception as error:
            self.problem = f"It cannot be rounded to int8: {type(error).__name__}."

    def _compared(self, towers: Towers, numerics: str, best: float) -> tuple[Likeness, float]:
        vectors = self._run(towers, numerics, self.sample.queries)
        return checks.likeness(vectors, self.queries), best - checks.ndcg(vectors, self.passages, self.sample)

    def _each(self, towers: Towers, numerics: str, texts: Sequence[str]) -> None:
        for text in texts:
            self._run(towers, numerics, [text])

    def _run(self, towers: Towers, numerics: str, texts: Sequence[str]) -> Vectors:
        rows = [self.reference.whole_tokenizer.encode(text).ids for text in texts]
        return run(towers, rows, numerics=numerics, padding=self.about["padding"], width=self.passages.shape[1])
