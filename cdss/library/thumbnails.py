"""Small pictures for lists, made once and kept beside the images."""

from collections.abc import Collection
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.db import transaction

from cdss.encryption import encrypt_bytes
from cdss.library.image_files import frame_paths, image_bytes
from cdss.library.models import CaseImage
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in

SIDE = 320
QUALITY = 82


def thumbnail(image: CaseImage) -> bytes:
    """The JPEG of the middle frame, the one that most likely shows what the stack is about."""
    path = _path(image.sha256)
    if not path.exists():
        _make(frame_paths(name=str(image.file), frames=image.frames)[image.frames // 2], path)
    return image_bytes(path)


def remove_thumbnails_on_commit(*, digests: Collection[str]) -> None:
    """Of pictures that no case holds any more."""
    transaction.on_commit(lambda: _remove(digests))


def remove_thumbnails(*, digests: Collection[str]) -> None:
    """Of pictures that changed: they are made again."""
    for digest in digests:
        _path(digest).unlink(missing_ok=True)


def _remove(digests: Collection[str]) -> None:
    held = set(CaseImage.objects.filter(sha256__in=digests).values_list("sha256", flat=True))
    for digest in set(digests) - held:
        _path(digest).unlink(missing_ok=True)


def _path(sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "thumbnails" / sha256[:2] / f"{sha256}.jpg"


def _make(source: Path, path: Path) -> None:
    from secrets import token_hex

    from PIL import Image

    refuse_in(Mode.TEXT_ONLY)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{token_hex(4)}.part")
    made = BytesIO()
    with Image.open(BytesIO(image_bytes(source))) as image:
        image.thumbnail((SIDE, SIDE))
        image.convert("L" if image.mode == "L" else "RGB").save(made, "JPEG", quality=QUALITY)
    part.write_bytes(encrypt_bytes(made.getvalue()))
    part.replace(path)
