"""What two libraries hold of the same cases: field by field, and image by image by the pixels themselves."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cdss.exchange.pictures import frame_bytes
from cdss.exchange.values import case_values, image_values
from cdss.library.image_files import frame_paths
from cdss.library.models import Case, CaseImage
from cdss.reading import door

# By source name and source id.
Snapshot = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    case: tuple[str, str]
    field: str
    before: Any
    after: Any


def snapshot(cases: Iterable[Case]) -> Snapshot:
    return {(case.source_name, case.source_id): _held(case) for case in cases}


def differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    found = [Difference(key, "case", key in before, key in after) for key in before.keys() ^ after.keys()]
    for key in before.keys() & after.keys():
        one, other = before[key], after[key]
        found += [
            Difference(key, name, one.get(name), other.get(name))
            for name in sorted(one.keys() | other.keys())
            if one.get(name) != other.get(name)
        ]
    return found


def _held(case: Case) -> dict[str, Any]:
    held = {"text": case.text, "age_years": case.age_years, **case_values(case)}
    for place, image in enumerate(case.images.all()):
        held |= {f"image {place + 1} {name}": value for name, value in image_values(image).items()}
        held[f"image {place + 1} pixels"] = pixels_sha256(image)
    return held


def pixels_sha256(image: CaseImage) -> list[str]:
    paths = frame_paths(name=str(image.file), frames=image.frames)
    pictures = door.pictures([frame_bytes(path) for path in paths])
    return [hashlib.sha256(f"{pixels.shape} ".encode() + pixels.tobytes()).hexdigest() for pixels in pictures]
