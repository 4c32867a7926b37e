"""A ZIP file unpacked for an importer that reads files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from cdss.library.field_values import RowError


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with the archive's files, gone afterwards. Raises RowError for what is refused."""
    from cdss.library.archives import ArchiveLimits, zip_members
    from cdss.library.intake_errors import IntakeError

    if path.stat().st_size > settings.UPLOAD_MAX_BYTES:
        raise RowError(f"{path.name}: larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB")
    with TemporaryDirectory(prefix="cdss-import-") as name:
        folder = Path(name)
        try:
            for member, content in zip_members(path.read_bytes(), ArchiveLimits(max_bytes=settings.UPLOAD_MAX_BYTES)):
                target = folder / member.replace("\\", "/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        except (IntakeError, OSError) as error:
            reason = str(error) if isinstance(error, IntakeError) else "it holds two files of one name"
            raise RowError(f"{path.name}: {reason}") from error
        yield folder
