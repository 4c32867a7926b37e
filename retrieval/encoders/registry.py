"""From a setting to an encoder. Model libraries are imported here only when an encoder is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import EncoderError
from retrieval.types import ImageEncoder, PairScorer, TextEncoder

if TYPE_CHECKING:
    from retrieval.encoders.text import SentenceTransformerEncoder


def text_encoder(spec: str, *, models_root: Path, threads: int = 1, fast: bool = False) -> TextEncoder:
    """The text encoder of a setting.

    Args:
        spec: `minilm` (packaged weights), `hashing` (no weights), a folder, or a hub name.
        models_root: where weights are unpacked or fetched to.
        threads: threads of one forward pass.
        fast: whether it is run as it was prepared for this site, if it was.

    Raises:
        EncoderError: there is no such encoder, or it cannot be loaded.
    """
    if not spec:
        raise EncoderError("No text encoder is named: write minilm, a folder or a hub name.")
    if spec == "hashing":
        from retrieval.encoders.hashing import HashingTextEncoder

        return HashingTextEncoder()
    from retrieval.encoders import text

    folder, name = text_folder(spec, models_root=models_root)

    def reference() -> text.SentenceTransformerEncoder:
        return text.SentenceTransformerEncoder(folder, name=name, threads=threads)

    return (_prepared(folder, name, reference, models_root, threads) if fast else None) or reference()


def _prepared(
    folder: Path,
    name: str,
    reference: Callable[[], SentenceTransformerEncoder],
    models_root: Path,
    threads: int,
) -> TextEncoder | None:
    from retrieval.encoders.text import version_of
    from retrieval.towers import serving

    version = version_of(folder, name)
    return serving.text_encoder(folder, version=version, models_root=models_root, reference=reference, threads=threads)


def text_folder(spec: str, *, models_root: Path) -> tuple[Path, str]:
    """The folder of the weights a setting names, and how the encoder's version names them.

    Raises:
        EncoderError: there is no such folder, or the encoder has no weights.
    """
    from retrieval.encoders import text

    if not spec or spec == "hashing":
        raise EncoderError(f"The text encoder {spec!r} has no weights: write minilm, a folder or a hub name.")
    if spec == "minilm":
        return text.minilm_folder(models_root), "minilm"
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return folder, folder.name[:60]
    if folder.is_absolute() or spec.startswith((".", "~")) or spec.count("/") > 1:
        raise EncoderError(f"The text encoder {spec!r} is no folder.")
    return text.hub_folder(spec, models_root), spec[:80]


def pair_scorer(spec: str, *, models_root: Path, threads: int = 1) -> PairScorer:
    """The cross-encoder of a setting.

    Args:
        spec: a folder, or a hub name that lies in `models_root`/hub already: nothing is fetched.
        models_root: where weights are kept.
        threads: threads of one forward pass.

    Raises:
        EncoderError: there is no such cross-encoder, or it cannot be loaded.
    """
    from retrieval.encoders import cross

    folder = cross.local_folder(spec, models_root)
    return cross.CrossEncoderScorer(folder, name=Path(spec).name[:80], threads=threads)


def text_version(spec: str, *, models_root: Path) -> str:
    """The version the encoder of a setting will have, without loading it. Raises as `text_folder`."""
    if spec == "hashing":
        return text_encoder(spec, models_root=models_root).version
    from retrieval.encoders.text import version_of

    return version_of(*text_folder(spec, models_root=models_root))


def image_encoder(
    spec: str, *, models_root: Path, text: TextEncoder | None = None, threads: int = 1, fast: bool = False
) -> ImageEncoder:
    """The image encoder of a setting.

    Args:
        spec: `builtin` (packaged weights), `hashing` (no weights), or what open_clip can load.
        models_root: where weights and alignments are kept.
        text: the text encoder, which is the text tower of the built-in pair.
        threads: threads of one forward pass.
        fast: whether it is run as it was prepared for this site, if it was.

    Raises:
        EncoderError: there is no such encoder, or it cannot be loaded.
    """
    if spec == "hashing":
        from retrieval.encoders.hashing import HashingImageEncoder

        return HashingImageEncoder()
    from retrieval.encoders import image

    return image.load(spec, models_root=models_root, text=text, threads=threads, fast=fast)
