"""A text encoder that stores as the reference does and asks as fast as it may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import EncoderError, over_window
from retrieval.towers.session import OnnxTower
from retrieval.types import Ids, Vectors

if TYPE_CHECKING:
    from retrieval.encoders.text import SentenceTransformerEncoder
    from retrieval.towers.store import Prepared

Tower = Callable[[Ids, Ids], Vectors]
# Tokens that go through a tower together, with the padding: what a core's cache holds. int8 takes one text at a time:
# its rounding is by the whole input, and a text would depend on those beside it.
TOKENS = {"int8": 1, "float32": 256, "bfloat16": 2048}
AT_ONCE = 32
# Of so few tokens, two of which say nothing, int8 is further off than elsewhere, and float32 is as quick.
SHORT = 8
ROLES = ("stored", "queries")
TORCH = "torch"


class TorchTower:
    """The reference's own network in batches of our making; in bfloat16 where the processor multiplies it faster."""

    def __init__(self, model: Any, *, token_types: bool, half: bool = True) -> None:
        self._model, self._token_types, self._half = model, token_types, half

    def __call__(self, ids: Ids, mask: Ids) -> Vectors:
        """(n, dimension) float32, L2-normalised, of ids and mask (n, tokens)."""
        import torch

        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self._token_types:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._half):
            found = self._model(features)["sentence_embedding"].float()
            vectors: Vectors = torch.nn.functional.normalize(found, dim=-1).numpy()
        return vectors


class PreparedTextEncoder:
    """Another way to run a text encoder, under the same version. Safe to use from several threads.

    `encode` gives what is stored and is as good as the reference's; `encode_queries` may round, as far as was checked.

    Args:
        prepared: what was checked, and the files.
        version: of the encoder.
        reference: loads it; asked only where a role has no other way.
        threads: of one pass.

    Raises:
        EncoderError: a file is damaged, or what was prepared is of another encoder.
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        version: str,
        reference: Callable[[], SentenceTransformerEncoder],
        threads: int = 1,
    ) -> None:
        from tokenizers import Tokenizer

        if prepared.about.get("encoder") != version:
            raise EncoderError(f"{prepared.folder} was prepared for another encoder than {version}.")
        about = prepared.about["text"]
        self._prepared, self._version, self._load, self._threads = prepared, version, reference, threads
        self._roles = {role: str(prepared.about["roles"].get(role, TORCH)) for role in ROLES}
        self._max_tokens, self._dimension = int(about["max_tokens"]), int(about["dimension"])
        self._padding, self._special = int(about["padding"]), int(about["special"])
        self._token_types = bool(about["token_types"])
        self._tokenizer = Tokenizer.from_file(str(prepared.verified("tokenizer.json")))
        self._towers: dict[str, Tower] = {}
        self._reference: SentenceTransformerEncoder | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Of the reference: stored vectors are as good as its own."""
        return self._version

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """Tokens of text that fit the window; special tokens are already taken off."""
        return self._max_tokens

    @property
    def numerics(self) -> dict[str, str]:
        """How passages and queries are encoded: int8, float32, bfloat16 or torch."""
        return dict(self._roles)

    @property
    def reference(self) -> SentenceTransformerEncoder:
        """The encoder of torch, loaded when it is first asked for."""
        with self._lock:
            if self._reference is None:
                self._reference = self._load()
            return self._reference

    def open_queries(self) -> None:
        """Opens what queries need now. Raises EncoderError when it is damaged."""
        if self._roles["queries"] != TORCH:
            self._tower(self._roles["queries"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised: to be stored.

        Raises:
            EncoderError: a text is over the window. Nothing is truncated: split it with `retrieval.passages`.
        """
        return self._encoded(texts, "stored")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised: to ask with, never to be stored. Raises as `encode`."""
        return self._encoded(texts, "queries")

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character offsets of each token of the whole text, special tokens left out."""
        offsets: Sequence[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def _encoded(self, texts: Sequence[str], role: str) -> Vectors:
        if self._roles[role] == TORCH:
            return self.reference.encode(texts)
        rows = [self._tokenizer.encode(text).ids for text in texts]
        longest = max((len(row) - self._special for row in rows), default=0)
        if longest > self._max_tokens:
            raise over_window(longest, self._max_tokens)
        ways = {numerics: self._tower(numerics) for numerics in set(_by_length(rows, self._roles[role]))}
        return run(ways, rows, numerics=self._roles[role], padding=self._padding, width=self._dimension)

    def _tower(self, numerics: str) -> Tower:
        with self._lock:
            if numerics not in self._towers and numerics != "bfloat16":
                path = self._prepared.verified(f"{numerics}.onnx")
                self._towers[numerics] = OnnxTower(path, threads=self._threads)
        if numerics not in self._towers:
            self._towers[numerics] = TorchTower(self.reference.network, token_types=self._token_types)
        return self._towers[numerics]


def run(
    ways: Mapping[str, Tower], rows: Sequence[Sequence[int]], *, numerics: str, padding: int, width: int
) -> Vectors:
    """(n, width) of the token ids of n texts, in batches that suit the numerics; short ones are not rounded to int8.

    `ways` are the towers by their numerics; with int8 there is float32 too.
    """
    vectors = np.zeros((len(rows), width), dtype=np.float32)
    of_each = _by_length(rows, numerics)
    for name in dict.fromkeys(of_each):
        mine = [place for place, found in enumerate(of_each) if found == name]
        for group in batches([len(rows[place]) for place in mine], TOKENS[name]):
            places = [mine[number] for number in group]
            vectors[places] = ways[name](*padded([rows[place] for place in places], padding))
    return vectors


def _by_length(rows: Sequence[Sequence[int]], numerics: str) -> list[str]:
    return ["float32" if numerics == "int8" and len(row) < SHORT else numerics for row in rows]


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Places of texts that go together, the longest first: at most so many tokens with their padding, or one text."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    start = 0
    while start < len(order):
        count = max(1, min(AT_ONCE, tokens // max(1, lengths[order[start]])))
        yield order[start : start + count]
        start += count


def padded(rows: Sequence[Sequence[int]], padding: int) -> tuple[Ids, Ids]:
    """(n, longest) ids and mask of token ids."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    return ids, mask
