"""From an upload to safe pixels: what is kept of an image is a PNG of each frame, and nothing else of the file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from django.conf import settings
from django.core.files import File

from cdss.library.archives import ArchiveLimits, is_zip
from cdss.library.doubts import doubts_store
from cdss.library.image_files import frame_paths, image_bytes, write_image
from cdss.library.intake_errors import IntakeError
from cdss.library.patients import Patient, same_patient
from cdss.library.screening import Doubt, is_wanted, screened
from cdss.locks.models import Mode
from cdss.locks.modes import REFUSALS, is_locked, refuse_in
from cdss.reading import door
from retrieval import imaging
from retrieval.errors import ImageError, UnreadableError
from retrieval.images import check_bytes, check_file, sample_indices
from retrieval.sandbox import Part
from retrieval.sandbox.sources import Opened, Source
from retrieval.types import Pixels

if TYPE_CHECKING:
    from cdss.library.models import Case, CaseImage

Upload = bytes | Path | File | BinaryIO  # type: ignore[type-arg]
# Frames of a stack that are kept, spread evenly: enough to scroll through, few enough to store.
KEPT_FRAMES = 24


@dataclass(frozen=True, slots=True)
class IntakeImage:
    """One image or one stack, de-identified: `pngs` hold pixels alone."""

    pngs: tuple[bytes, ...]
    width: int
    height: int
    sha256: str
    source_frames: int = 1
    modality: str = ""
    region: str = ""
    plane: str = ""
    # The file itself says that text is burnt into its pixels: a person has to look at it.
    says_burned_in: bool = False
    removed: Mapping[str, int] = field(default_factory=dict)
    # Only its hash is stored.
    patient: Patient | None = None
    # Burnt-in text was looked for; what may be text is masked until somebody has looked at it.
    was_screened: bool = False
    # The setting has it looked for, and it was not yet.
    to_screen: bool = False
    doubts: tuple[Doubt, ...] = ()

    @property
    def frames(self) -> int:
        return len(self.pngs)


class ImageRow(Protocol):
    """A row that names a stored image: CaseImage or ConsultationImage."""

    frames: int

    @property
    def file(self) -> Any: ...


def image_limits() -> imaging.Limits:
    return imaging.Limits(max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.IMAGE_MAX_PIXELS)


def check_total_pixels(*, uploads: Sequence[Upload]) -> None:
    """Refuses the images of one case by their headers when they are too large together. Raises IntakeError.

    One that cannot be read counts nothing here: it is refused by its name when its turn comes.
    """
    if len(uploads) * settings.IMAGE_MAX_PIXELS <= settings.CASE_MAX_PIXELS:
        return
    total = sum(_decoded_pixels(upload) for upload in uploads)
    if total > settings.CASE_MAX_PIXELS:
        raise IntakeError(
            f"These {len(uploads)} images are {total / 1e6:,.0f} megapixels together; a case may have "
            f"{settings.CASE_MAX_PIXELS / 1e6:,.0f}. Leave some out, or upload smaller exports of them."
        )


def _decoded_pixels(upload: Upload) -> int:
    """What decoding would hold at once, by the header; 0 for what is no image."""
    try:
        return int(door.read(f"{door.IMAGES}:header", _source(upload)).facts["pixels"])
    except UnreadableError:
        return 0


def image_intake(
    *, upload: Upload, name: str = "", kept_frames: int = KEPT_FRAMES, screen: bool = False
) -> IntakeImage:
    """Reads one image or DICOM file. `name` is what a message calls it; it is neither stored nor logged. With `screen`,
    burnt-in text is looked for and masked, as the setting says."""
    return _intakes([upload], name, kept_frames, screen)[0]


def _intakes(uploads: Sequence[Upload], name: str, kept_frames: int, screen: bool) -> list[IntakeImage]:
    try:
        sources = [(_source(upload), {"kept_frames": kept_frames}) for upload in uploads]
        answers = list(door.read_each(f"{door.IMAGES}:image", sources))
        return [_image(_answered(answer), screen) for _, answer in answers]
    except (UnreadableError, IntakeError) as error:
        raise _named(error, name) from error


def images_intake(*, upload: Upload, name: str = "", kept_frames: int = KEPT_FRAMES) -> list[IntakeImage]:
    """Reads an image, a DICOM file, or a ZIP of either, where the slices of one series become one stack."""
    try:
        source = _source(upload)
        if not is_zip(_head(source)):
            return [image_intake(upload=upload, name=name, kept_frames=kept_frames)]
        archive = asdict(ArchiveLimits(max_bytes=2 * settings.UPLOAD_MAX_BYTES))
        parts = door.read_parts(f"{door.ARCHIVES}:members", source, archive=archive)
        members = [(part.facts["name"], part.blobs[0]) for part in parts]
    except (UnreadableError, IntakeError) as error:
        raise _named(error, name) from error
    return [
        stack_intake(uploads=[content for _, content in group], name=group[0][0], kept_frames=kept_frames)
        for group in _series(members)
    ]


def stack_intake(
    *, uploads: Sequence[Upload], name: str = "", kept_frames: int = KEPT_FRAMES, screen: bool = False
) -> IntakeImage:
    """Reads the slices of one stack, in the order given, into one image of several frames."""
    if len(uploads) == 1:
        return image_intake(upload=uploads[0], name=name, kept_frames=kept_frames, screen=screen)
    chosen = sample_indices(len(uploads), kept_frames)
    slices = _intakes([uploads[index] for index in chosen], name, 1, screen)
    first, removed = slices[0], Counter[str]()
    for part in slices:
        removed.update(part.removed)
    return IntakeImage(
        pngs=tuple(part.pngs[0] for part in slices),
        width=first.width,
        height=first.height,
        sha256=_digest(part.pngs[0] for part in slices),
        source_frames=len(uploads),
        modality=first.modality,
        region=first.region,
        plane=first.plane,
        says_burned_in=any(part.says_burned_in for part in slices),
        removed=dict(removed),
        patient=same_patient(slices),
        was_screened=all(part.was_screened for part in slices),
        to_screen=any(part.to_screen for part in slices),
        doubts=tuple(replace(doubt, frame=number) for number, part in enumerate(slices) for doubt in part.doubts),
    )


def store_case_image(*, case: Case, image: IntakeImage, position: int, **fields: str) -> CaseImage:
    """The row of a case's image and its files. Call it inside `new_image_files()` around the transaction."""
    described = {"modality": image.modality, "region": image.region, "plane": image.plane} | fields
    name = write_image(folder="cases", pngs=image.pngs)
    doubts_store(name=name, doubts=image.doubts, owner=case.owner)
    return case.images.create(file=name, position=position, **_shape(image), **described)


def store_consultation_image(*, consultation: Any, image: IntakeImage, position: int) -> Any:
    """The row of a consultation's image and its files. Call it inside `new_image_files()` around the transaction."""
    name = write_image(folder="consultations", pngs=image.pngs)
    doubts_store(name=name, doubts=image.doubts, owner=consultation.user)
    return consultation.images.create(file=name, position=position, modality=image.modality, **_shape(image))


def stored_pixels(image: ImageRow, *, most: int = imaging.MAX_FRAMES) -> list[Pixels]:
    """The frames of a stored image for the encoder, at most `most`, spread evenly. Raises LockedError."""
    refuse_in(Mode.TEXT_ONLY)
    paths = frame_paths(name=image.file.name, frames=image.frames)
    chosen = [paths[index] for index in sample_indices(len(paths), most)]
    try:
        return door.pictures([_stored_bytes(path) for path in chosen])
    except ImageError:
        raise
    except UnreadableError as error:
        raise ImageError(str(error)) from error


def _stored_bytes(path: Path) -> bytes:
    try:
        return image_bytes(path)
    except OSError as error:
        raise ImageError(f"{path.name}: this file cannot be opened ({error.strerror}).") from error


def _shape(image: IntakeImage) -> dict[str, Any]:
    return {"width": image.width, "height": image.height, "frames": image.frames, "sha256": image.sha256}


def _source(upload: Upload) -> Source:
    """What a child can read: bytes, or an open file. Refused by its size before anything is read."""
    if is_locked(Mode.TEXT_ONLY):
        raise IntakeError(REFUSALS[Mode.TEXT_ONLY])
    limits = image_limits()
    if isinstance(upload, bytes):
        check_bytes(len(upload), limits)
        return upload
    if isinstance(upload, Path):
        check_file(upload, limits=limits)
        return upload
    if (opened := _opened(upload)) is not None:
        check_bytes(os.fstat(opened.fileno()).st_size, limits)
        return opened
    upload.seek(0)
    # One byte more than allowed is enough to refuse it.
    data: bytes = upload.read(limits.max_bytes + 1)
    upload.seek(0)
    check_bytes(len(data), limits)
    return data


def _opened(upload: Any) -> Opened | None:
    """The file on the disk behind an upload; none behind one in memory."""
    try:
        upload.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return upload  # type: ignore[no-any-return]


def _head(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[:4]
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(4)
    return os.pread(source.fileno(), 4, 0)


def _answered(answer: Part | UnreadableError) -> Part:
    if isinstance(answer, UnreadableError):
        raise answer
    return answer


def _image(part: Part, screen: bool) -> IntakeImage:
    facts, pngs = part.facts, tuple(part.blobs)
    wanted = is_wanted(modality=facts["modality"], says_none=facts["says_none"])
    image = IntakeImage(
        pngs=pngs,
        width=facts["width"],
        height=facts["height"],
        sha256=_digest(pngs),
        source_frames=facts["source_frames"],
        modality=facts["modality"],
        region=facts["region"],
        plane=facts["plane"],
        says_burned_in=facts["says_burned_in"],
        removed=dict(facts["removed"]),
        patient=Patient.of(facts["patient"]) if facts["patient"] else None,
        to_screen=wanted,
    )
    return image_screened(image) if wanted and screen else image


def image_screened(image: IntakeImage) -> IntakeImage:
    """The image with burnt-in text masked. Raises UnreadableError and LockedError."""
    found = screened(image.pngs)
    masked = {"burnt_in_text": found.masked} if found.masked else {}
    return replace(
        image,
        pngs=found.pngs,
        sha256=_digest(found.pngs),
        removed={**image.removed, **masked},
        was_screened=True,
        to_screen=False,
        doubts=found.doubts,
    )


def _digest(pngs: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for png in pngs:
        total.update(png)
    return total.hexdigest()


def _series(members: Sequence[tuple[str, bytes]]) -> list[list[tuple[str, bytes]]]:
    """Slices of one DICOM series together, in their order; every other file alone."""
    groups: dict[str, list[tuple[float, tuple[str, bytes]]]] = {}
    places = door.read_each(f"{door.IMAGES}:place", [(content, {}) for _, content in members])
    for number, answer in places:
        # One that cannot be read is refused by name when its turn comes.
        place: dict[str, Any] = answer.facts if isinstance(answer, Part) else {"series": "", "position": 0.0}
        key = str(place["series"] or f"file {number}")
        groups.setdefault(key, []).append((float(place["position"]), members[number]))
    return [[member for _, member in sorted(group, key=lambda pair: pair[0])] for group in groups.values()]


def _named(error: Exception, name: str) -> IntakeError:
    shown = Path(name).name[-80:]
    return IntakeError(f"{shown}: {error}" if shown else str(error))
