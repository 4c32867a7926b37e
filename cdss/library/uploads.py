"""Files that come by the browser: held in a folder of their own until they are imported, then gone."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from cdss.accounts.models import User
from cdss.background import forget_folders
from cdss.library.importers.registry import FormatError
from cdss.library.importers.run import Outcome, run_import
from cdss.library.models import Kind, Visibility
from cdss.library.services import Target, collection_for
from cdss.waiting import folder

UNSAFE = re.compile(r"[^\w.-]+")
FORGOTTEN_SECONDS = 24 * 3600
MOST_DEPTH = 20


class UploadError(Exception):
    """Its message is for the person who uploaded."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    collection: str
    format: str = "auto"
    kind: str = ""
    visibility: str = Visibility.PRIVATE
    mask_overlays: bool = False
    publish: bool = False


def hold(upload: UploadedFile) -> Path:
    """The upload as a file whose name is harmless. Raises UploadError and keeps nothing when it cannot be written."""
    forget_folders(folder(), older_than=FORGOTTEN_SECONDS)
    place = folder() / token_hex(16)
    name = UNSAFE.sub("_", Path(upload.name or "upload").name).lstrip(".")[-100:] or "upload"
    try:
        place.mkdir(parents=True, mode=0o700)
        with (place / name).open("wb") as file:
            shutil.copyfileobj(upload, file)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise UploadError(f"The file could not be stored ({error.strerror}). Tell an administrator.") from error
    return place / name


def hold_folder(files: Sequence[UploadedFile], names: Sequence[str]) -> Path:
    """Files of a folder under the names they have in it. Raises UploadError and keeps nothing when one lies outside of
    it, or cannot be written."""
    forget_folders(folder(), older_than=FORGOTTEN_SECONDS)
    top = UNSAFE.sub("_", PurePosixPath(names[0]).parts[0] if names else "").strip("._")[-100:] or "folder"
    place = folder() / token_hex(16) / top
    try:
        place.mkdir(parents=True, mode=0o700)
        for file, name in zip(files, names, strict=True):
            _write_inside(place, name, file)
    except (OSError, ValueError) as error:
        shutil.rmtree(place.parent, ignore_errors=True)
        said = f"({error.strerror})" if isinstance(error, OSError) else f"({error})"
        raise UploadError(f"The folder could not be stored {said}. Pack it as a ZIP file.") from error
    return place


def _write_inside(place: Path, name: str, file: UploadedFile) -> None:
    """The first part of a name is the folder that was chosen."""
    parts = PurePosixPath(name).parts
    plain = all(part.isprintable() and part not in ("", ".", "..") and len(part) < 200 for part in parts)
    if len(parts) < 2 or len(parts) > MOST_DEPTH or not plain or "\\" in name or name.startswith("/"):
        raise ValueError("a file in it has a name that is none of a folder")
    path = place.joinpath(*parts[1:])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        shutil.copyfileobj(file, target)


def import_upload(*, path: Path, options: UploadOptions, by: User) -> Outcome:
    """Imports a held upload in the name of its owner, and removes it whatever happens. Raises FormatError."""
    try:
        with collection_for(name=options.collection, mask_overlays=options.mask_overlays) as collection:
            target = Target(
                collection,
                owner=by,
                visibility=Visibility(options.visibility),
                publish=options.publish,
                kind=Kind(options.kind) if options.kind else None,
            )
            return run_import([path], target=target, format=options.format, by=by)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def import_outcome(*, path: Path, options: Mapping[str, Any], by: User) -> dict[str, Any]:
    """The same for the worker: what it tells is stored as JSON."""
    try:
        return import_upload(path=path, options=UploadOptions(**options), by=by).as_json()
    except FormatError as error:
        said = str(error).replace(str(path), path.name)
        return Outcome(skipped=[{"line": 1, "reason": said}]).as_json()
