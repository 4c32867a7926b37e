"""Where index versions lie: in folders of this machine, or in the database that all hosts share (`VECTOR_BACKEND`)."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from cdss.indexing.models import IndexVersion

if TYPE_CHECKING:
    from retrieval.index.snapshot import PublishedVectors, Snapshot
    from retrieval.manifest import Manifest
    from retrieval.types import ImageEncoder, TextEncoder

# The newest version and the one before it.
KEPT = 2
# Makes the row of a version that is published, from its manifest and the hash of that.
Register = Callable[["Manifest", str], IndexVersion]


class Generations(Protocol):
    def load(self, version: IndexVersion, *, changing: bool = False) -> Snapshot:
        """Raises IndexUnusableError when it is missing or damaged. `changing`: as the base of the next one."""
        ...

    def verify(self, version: IndexVersion) -> Manifest:
        """Every byte of it. Raises IndexUnusableError."""
        ...

    def is_there(self, name: str) -> bool: ...
    def vectors(self, encoder: TextEncoder | ImageEncoder, *, of_images: bool) -> PublishedVectors:
        """For a version that is made from scratch."""
        ...

    def publish(self, snapshot: Snapshot, register: Register) -> IndexVersion:
        """Raises IndexNotPublishedError; the version before stays in use."""
        ...

    def clean(self, *, keep: int = KEPT) -> None:
        """Removes all but the newest `keep`; what the newest row names stays."""
        ...

    def clear(self) -> None:
        """Removes every one, for a library that is empty."""
        ...

    def only_builder(self) -> AbstractContextManager[None]: ...


def generations() -> Generations:
    if settings.VECTOR_BACKEND == "pgvector":
        from cdss.indexing.versions.shared import SharedGenerations

        return SharedGenerations()
    return FolderGenerations()


def folder_of(name: str) -> Path:
    return Path(settings.INDEX_ROOT) / name


class FolderGenerations:
    """FAISS: a folder for each version, read by the processes of this machine."""

    def load(self, version: IndexVersion, *, changing: bool = False) -> Snapshot:
        from retrieval.index.snapshot import Snapshot

        return Snapshot.load(folder_of(version.name), manifest_sha256=version.manifest_sha256, changing=changing)

    def verify(self, version: IndexVersion) -> Manifest:
        return self.load(version).manifest

    def is_there(self, name: str) -> bool:
        return folder_of(name).is_dir()

    def vectors(self, encoder: TextEncoder | ImageEncoder, *, of_images: bool) -> PublishedVectors:
        from retrieval.index.faiss import FaissIndex

        return FaissIndex(encoder.dimension)

    def publish(self, snapshot: Snapshot, register: Register) -> IndexVersion:
        from retrieval import manifest as manifests

        root = Path(settings.INDEX_ROOT)
        manifest = manifests.publish(root, snapshot.manifest, snapshot.save)
        version = register(manifest, manifests.digest(root / manifest.name))
        self.clean()
        return version

    def clean(self, *, keep: int = KEPT) -> None:
        from retrieval import manifest as manifests

        newest = IndexVersion.objects.values_list("name", flat=True)[: max(1, keep)]
        manifests.clean(Path(settings.INDEX_ROOT), keep=keep, named=set(newest))

    def clear(self) -> None:
        from retrieval import manifest as manifests

        manifests.clean(Path(settings.INDEX_ROOT), keep=0, named=set())

    def only_builder(self) -> AbstractContextManager[None]:
        return only_builder_here()


@contextmanager
def only_builder_here() -> Iterator[None]:
    root = Path(settings.INDEX_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".building").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
