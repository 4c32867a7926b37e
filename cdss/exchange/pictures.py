"""The stored images of a case on their way out."""

from collections.abc import Sequence
from pathlib import Path

from cdss.library.image_files import frame_paths, image_bytes
from cdss.library.models import Case, CaseImage, Doubt, State

Pictures = Sequence[tuple[CaseImage, Sequence[Path]]]


def pictures_of(case: Case) -> tuple[list[tuple[CaseImage, list[Path]]], int]:
    """Images with the files of their frames, and how many images have files that are not there."""
    found = [(image, frame_paths(name=str(image.file), frames=image.frames)) for image in case.images.all()]
    there = [(image, paths) for image, paths in found if all(path.is_file() for path in paths)]
    return there, len(found) - len(there)


def frame_bytes(path: Path) -> bytes:
    return image_bytes(path)


def shows_no_text(case: Case, image: CaseImage) -> bool:
    """Made for teaching, or published by a person with no place left that may be burnt-in text."""
    published = case.state == State.PUBLISHED and not Doubt.objects.filter(name=str(image.file)).exists()
    return case.synthetic or published
