"""The files of the site as they were at one moment, although the site goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import models

from cdss.library.image_files import image_files
from cdss.studies.models import Series

# Folders of MEDIA_ROOT whose files are named by rows; thumbnails are made again when they are asked for.
OWNED = ("cases", "consultations", "authoring", "series")
SKIPPED = ("thumbnails",)
LEARNED = ("alignment", "adapted")


def naming_columns() -> Iterator[tuple[type[models.Model], str]]:
    """The columns whose values name a file or folder under MEDIA_ROOT."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, models.FileField):
                yield model, field.name
    yield Series, "folder"


class Captured:
    """Links to the media files. A file that is removed afterwards is still there by its link; none is written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = Path(settings.MEDIA_ROOT)

    def collect(self) -> None:
        # Unlike a walk by pathlib, this one goes on where a folder is removed under it.
        for place, folders, names in os.walk(self.media):
            at = Path(place).relative_to(self.media)
            folders[:] = [each for each in folders if each[0] != "." and not (at == Path() and each in SKIPPED)]
            for name in names:
                if name[0] != "." and not (Path(place) / name).is_symlink():
                    self._link(Path(place) / name, self.folder / at / name)

    def named(self, names: Iterable[str]) -> tuple[list[Path], list[str]]:
        """The captured files that belong to these names, or to none because they stand apart; and names without any."""
        found, missing = set[Path](), []
        for name in names:
            path = self.folder / image_files(name=name).relative_to(self.media)
            files = [path] if path.is_file() else sorted(path.rglob("*")) if path.is_dir() else []
            found.update(file for file in files if file.is_file())
            if not files:
                missing.append(name)
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in OWNED:
                found.update(file for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
        return sorted(found), sorted(missing)

    @staticmethod
    def _link(path: Path, link: Path) -> None:
        try:
            if link.exists():
                if link.samefile(path):
                    return
                # A rotation of keys has put another one in its place.
                link.unlink()
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)
        except FileNotFoundError:
            return
        except OSError:
            # Not every file system has links.
            shutil.copyfile(path, link)


def learned_files() -> list[tuple[str, Path]]:
    """What the site taught its encoders: without it the stored vectors are of no use."""
    return list(_under(Path(settings.MODELS_ROOT), LEARNED, "models"))


def index_files(version: str) -> list[tuple[str, Path]]:
    return list(_under(Path(settings.INDEX_ROOT), (version,), "indexes"))


def _under(root: Path, folders: Iterable[str], prefix: str) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield f"{prefix}/{path.relative_to(root).as_posix()}", path
