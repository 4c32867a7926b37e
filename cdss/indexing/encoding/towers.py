"""Prepares faster ways to run the encoders of this site, checked on its own texts and on the demonstration library."""

from __future__ import annotations

import fcntl
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from cdss.indexing.encoding.encoders import forget, names_in_use, taught_folder
from cdss.indexing.encoding.samples import image_sample, text_sample

if TYPE_CHECKING:
    from retrieval.encoders.text import SentenceTransformerEncoder
    from retrieval.towers.store import Prepared

logger = logging.getLogger(__name__)
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class TowerState:
    """How an encoder is run: by role, and what was measured of each way."""

    encoder: str
    roles: dict[str, str]
    measured: dict[str, Any]
    problem: str
    made: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    kind: str
    needs: dict[str, Any]
    make: Callable[[], Prepared]


def towers_prepare(*, again: bool = False) -> list[TowerState]:
    """Makes what is missing, or everything `again`; nothing where CDSS_ENCODER_RUNTIME is torch.

    Raises EncoderError when an encoder cannot be loaded, or nothing can be written.
    """
    if settings.ENCODER_RUNTIME != AUTO:
        return []
    with _only_one():
        states = [_prepared(each, again) for each in _wanted()]
    if any(state.made for state in states):
        forget()
    return states


def towers_missing() -> bool:
    """Whether `towers_prepare` would make anything; no model is loaded to tell, so of open_clip it is not told."""
    from retrieval.towers import store

    if settings.ENCODER_RUNTIME != AUTO:
        return False
    return any(store.load(_root(), each.kind, each.needs) is None for each in _wanted(load=False))


def towers_prepare_apart() -> None:
    """In a process of its own, which takes torch with it when it ends. Where it fails torch runs the encoders."""
    command = [sys.executable, "manage.py", "prepare_encoders"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode:
        logger.warning("the encoders could not be prepared (exit code %s): torch runs them", done.returncode)
    forget()


def _prepared(wanted: _Wanted, again: bool) -> TowerState:
    from retrieval.towers import store

    found = None if again else store.load(_root(), wanted.kind, wanted.needs)
    made = found or wanted.make()
    about = made.about
    return TowerState(about["encoder"], about["roles"], about["measured"], about["problem"], made is not found)


def _wanted(*, load: bool = True) -> Iterator[_Wanted]:
    if settings.TEXT_ENCODER != "hashing":
        for name in names_in_use():
            yield _wanted_text(name)
    if settings.IMAGE_ENCODER == "builtin":
        yield _wanted_builtin()
    elif settings.IMAGE_ENCODER != "hashing" and load:
        yield _wanted_open_clip()


def _wanted_text(name: str) -> _Wanted:
    from retrieval.adaptation import store as taught
    from retrieval.encoders import registry
    from retrieval.encoders.text import SentenceTransformerEncoder, version_of
    from retrieval.towers import prepare, serving

    folder, label = registry.text_folder(settings.TEXT_ENCODER, models_root=Path(settings.MODELS_ROOT))
    if name:
        folder = taught.folder_of(taught_folder(), name)
    version = taught.read(taught_folder(), name).version if name else version_of(folder, label)
    needs = serving.text_needs(folder, version)

    def reference() -> SentenceTransformerEncoder:
        if name:
            return taught.load(taught_folder(), name, threads=settings.MODEL_THREADS)
        return SentenceTransformerEncoder(folder, name=label, threads=settings.MODEL_THREADS)

    def make() -> Prepared:
        encoder = reference()
        return prepare.prepare_text(_root(), reference=encoder, needs=needs, sample=text_sample(encoder))

    return _Wanted(prepare.TEXT, needs, make)


def _wanted_builtin() -> _Wanted:
    import numpy as np

    from retrieval.encoders.builtin import BASE, Lite0Torch
    from retrieval.encoders.lite0 import LITE0_BLOCKS, lite0_input
    from retrieval.towers import prepare, serving

    needs = serving.image_needs(BASE)

    def make() -> Prepared:
        reference = Lite0Torch(settings.MODEL_THREADS)
        return prepare.prepare_images(
            _root(),
            version=BASE,
            network=reference.network(),
            reference=reference.features,
            blocks=LITE0_BLOCKS,
            needs=needs,
            sample=np.stack([lite0_input(image) for image in image_sample()]),
        )

    return _Wanted(prepare.IMAGES, needs, make)


def _wanted_open_clip() -> _Wanted:
    from retrieval.encoders.image import OpenClipEncoder
    from retrieval.towers import prepare, serving

    encoder = OpenClipEncoder(settings.IMAGE_ENCODER, cache=Path(settings.MODELS_ROOT) / "hub")
    needs = serving.image_needs(encoder.version)

    def make() -> Prepared:
        return prepare.prepare_images(
            _root(),
            version=encoder.version,
            network=encoder.network(),
            reference=encoder.from_inputs,
            blocks=[encoder.dimension],
            needs=needs,
            sample=encoder.inputs(image_sample()),
        )

    return _Wanted(prepare.IMAGES, needs, make)


def _root() -> Path:
    from retrieval.towers import serving

    return serving.root_of(Path(settings.MODELS_ROOT))


@contextmanager
def _only_one() -> Iterator[None]:
    _root().mkdir(parents=True, exist_ok=True)
    with (_root() / ".preparing").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
