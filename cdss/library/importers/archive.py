"""A ZIP file unpacked for an importer that reads files."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import is_zipfile

from django.conf import settings

from cdss.library.field_values import RowError
from cdss.reading import door
from retrieval.errors import UnreadableError

# Names that tell what an archive is.
LOOKED_AT = 5000


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with the archive's files, gone afterwards. Raises RowError for what is refused."""
    from cdss.library.archives import ArchiveLimits

    if path.stat().st_size > settings.UPLOAD_MAX_BYTES:
        raise RowError(f"{path.name}: larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB")
    with TemporaryDirectory(prefix="cdss-import-") as name:
        folder = Path(name)
        try:
            limits = asdict(ArchiveLimits(max_bytes=settings.UPLOAD_MAX_BYTES))
            with closing(door.read_parts(f"{door.ARCHIVES}:members", path, archive=limits)) as members:
                for part in members:
                    _write(folder, part.facts["name"].replace("\\", "/"), part.blobs[0])
        except (UnreadableError, OSError) as error:
            reason = str(error) if isinstance(error, UnreadableError) else "it holds two files of one name"
            raise RowError(f"{path.name}: {reason}") from error
        yield folder


def names_in(path: Path) -> list[str]:
    """Of the files in an archive; none of what is no archive, or a damaged one."""
    return list(_listed(path).get("names", ()))


def holds_dicom(path: Path, *, kind: str, among: int) -> bool:
    """Whether one of the first files is DICOM of this class."""
    return bool(_listed(path, mark=kind, most=among).get("marked"))


def _listed(path: Path, *, mark: str = "", most: int = LOOKED_AT) -> dict[str, Any]:
    try:
        if not path.is_file() or not is_zipfile(path):
            return {}
        return door.read(f"{door.ARCHIVES}:listed", path, mark=mark, most=most).facts
    except (UnreadableError, OSError):
        return {}


def _write(folder: Path, name: str, content: bytes) -> None:
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise UnreadableError("a file in it would lie outside of it")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
