"""The one door for whatever comes from outside: pages, workers and commands have files read here, in a child process.

What cannot be read raises UnreadableError, whose message is for the person who sent it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from retrieval.errors import UnreadableError
from retrieval.images import MAX_FRAMES, Limits, check_file, sample_indices
from retrieval.machine import few_heaps
from retrieval.sandbox import Item, Part, Pool, Spending
from retrieval.sandbox.sources import Source
from retrieval.sandbox.spending import MEGABYTE
from retrieval.types import Pixels

IMAGES, DATASETS, ARCHIVES, DOCUMENTS, LOOKING = (
    f"cdss.reading.{name}" for name in ("images", "datasets", "archives", "documents", "looking")
)
# Jobs of rooms above this one are named by them.
INSTANCES, SEGMENTATIONS = "cdss.studies.instances", "cdss.regions.segmentation_reading"
LEAST_MEMORY = 512 * MEGABYTE
# A pixel may stand three times over, in four bytes at most, while it is decoded and shown; a file twice.
BYTES_A_PIXEL, COPIES_OF_FILE = 8, 2.5
# The models that look for text, and what they need for the largest picture they are given.
MODELS_KEEP, LOOKING_MEMORY = 768 * MEGABYTE, 2048 * MEGABYTE
LOOKERS = 2

# Threads that have files read would each keep what passed through them, in a heap of its own: 50 MB after eight.
few_heaps()

_readers = Pool((IMAGES, DATASETS, ARCHIVES, DOCUMENTS, INSTANCES, SEGMENTATIONS), size=settings.READERS)
_lookers = Pool((LOOKING,), size=LOOKERS, files=300, patience=600.0, keeps=MODELS_KEEP)


def read(job: str, source: Source, **args: Any) -> Part:
    """What the job makes of this file. Raises UnreadableError."""
    return _readers.run(job, source, _told(args), spending=spending())


def read_parts(job: str, source: Source, **args: Any) -> Generator[Part]:
    """The same for an answer of many parts, of which one at a time is held."""
    return _readers.parts(job, source, _told(args), spending=spending())


def read_each(
    job: str, items: Sequence[tuple[Source, dict[str, Any]]]
) -> Generator[tuple[int, Part | UnreadableError]]:
    """Many files, by their number; what cannot be read stands in its place."""
    told = [Item(source, _told(args)) for source, args in items]
    return _readers.each(job, told, spending=spending())


def frames_of(path: Path) -> list[Pixels]:
    """The frames of an image, or of every PNG in a folder of frames in order of name, for an encoder.

    Raises LockedError where the site is locked to text.
    """
    refuse_in(Mode.TEXT_ONLY)
    files = sorted(path.glob("*.png")) if path.is_dir() else [path]
    if not files:
        raise UnreadableError(f"{path.name}: there are no frames in this folder. Import the image again.")
    chosen = [files[index] for index in sample_indices(len(files), MAX_FRAMES)]
    args = {"kept_frames": MAX_FRAMES if len(files) == 1 else 1}
    for file in chosen:
        check_file(file, limits=Limits(max_bytes=settings.UPLOAD_MAX_BYTES))
    frames = []
    for _, answer in list(read_each(f"{IMAGES}:pixels", [(file, args) for file in chosen])):
        if isinstance(answer, UnreadableError):
            raise answer
        frames.append(np.frombuffer(answer.blobs[0], dtype=np.uint8).reshape(answer.facts["shape"]))
    return frames


def picture(data: bytes) -> Pixels:
    """A stored picture of one frame, (height, width, 3). Raises UnreadableError."""
    answer = read(f"{IMAGES}:pixels", data, kept_frames=1)
    return np.frombuffer(answer.blobs[0], dtype=np.uint8).reshape(answer.facts["shape"])


def pictures(pngs: Sequence[bytes]) -> list[Pixels]:
    """The same for several, which one child reads. Raises UnreadableError."""
    found = []
    for _, answer in read_each(f"{IMAGES}:pixels", [(png, {"kept_frames": 1}) for png in pngs]):
        if isinstance(answer, UnreadableError):
            raise answer
        found.append(np.frombuffer(answer.blobs[0], dtype=np.uint8).reshape(answer.facts["shape"]))
    return found


def look(job: str, source: Source, **args: Any) -> Part:
    """For the jobs that look for text in pictures: they take seconds, and nobody else waits for them."""
    spent = Spending(memory=max(LOOKING_MEMORY, _memory()), cpu=240, seconds=300.0, answer=_answer())
    return _lookers.run(job, source, _told(args), spending=spent)


def spending() -> Spending:
    return Spending(memory=_memory(), answer=_answer())


def warm() -> None:
    """Has the readers loaded while nobody waits."""
    _readers.warm()


def close() -> None:
    _readers.close()
    _lookers.close()


def _memory() -> int:
    by_site = (BYTES_A_PIXEL * settings.IMAGE_MAX_PIXELS, COPIES_OF_FILE * settings.UPLOAD_MAX_BYTES)
    return int(max(LEAST_MEMORY, *by_site))


def _answer() -> int:
    return int(max(4 * settings.IMAGE_MAX_PIXELS, settings.UPLOAD_MAX_BYTES))


def _told(args: dict[str, Any]) -> dict[str, Any]:
    limits = {"max_bytes": settings.UPLOAD_MAX_BYTES, "max_pixels": settings.IMAGE_MAX_PIXELS}
    return {"limits": limits, **args}
