"""Files into stacks: which frames belong together, and in which order they lie."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cdss.studies.instances import FrameFacts, Instance

Vector = tuple[float, ...]
# Positions nearer than this are one place, in mm.
SAME_PLACE = 0.01


@dataclass(frozen=True, slots=True)
class Placed:
    instance: Instance
    frame: FrameFacts


@dataclass(frozen=True, slots=True)
class Stack:
    frames: tuple[Placed, ...]

    @property
    def first(self) -> Instance:
        return self.frames[0].instance

    @property
    def orientation(self) -> Vector:
        return self.frames[0].frame.orientation

    @property
    def digest(self) -> str:
        """Over the files in their order, and which of their frames."""
        total = hashlib.sha256()
        for placed in self.frames:
            total.update(f"{placed.instance.sha256}:{placed.frame.index}\n".encode())
        return total.hexdigest()


def stacks_of(instances: Iterable[Instance]) -> list[Stack]:
    """One stack for each series, split where size, colour, scale or direction change, or where places repeat."""
    groups: dict[tuple[object, ...], list[Placed]] = defaultdict(list)
    for instance in instances:
        for frame in instance.frames:
            groups[_key(instance, frame)].append(Placed(instance, frame))
    stacks = [Stack(tuple(part)) for group in groups.values() for part in _phases(group)]
    return sorted(stacks, key=_place_in_study)


def slice_distance(frame: FrameFacts) -> float:
    """Where a frame lies along the normal of its plane, in mm."""
    a, b, at = frame.orientation[:3], frame.orientation[3:], frame.position
    normal = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return sum(part * place for part, place in zip(normal, at, strict=True))


def _key(instance: Instance, frame: FrameFacts) -> tuple[object, ...]:
    moves = len(instance.frames) > 1 and not frame.position
    return (
        instance.study,
        instance.series,
        instance.rows,
        instance.columns,
        instance.colour,
        instance.unit,
        instance.inverted,
        tuple(round(part, 4) for part in instance.spacing),
        # Rounded so that the noise of writers splits nothing; -0.0 is 0.0.
        tuple(round(part, 2) + 0.0 for part in frame.orientation),
        # A run of frames over time is a stack of its own.
        instance.uid if moves else "",
    )


def _phases(group: Sequence[Placed]) -> list[list[Placed]]:
    """Frames of one place, taken again: a stack for each echo or time, when these tell them apart evenly."""
    if not all(placed.frame.position and placed.frame.orientation for placed in group):
        return [sorted(group, key=_by_number)]
    places = {round(slice_distance(placed.frame) / SAME_PLACE) for placed in group}
    if len(places) == len(group):
        return [sorted(group, key=_by_place)]
    for which in range(len(group[0].frame.phase)):
        parts: dict[float, list[Placed]] = defaultdict(list)
        for placed in group:
            parts[placed.frame.phase[which]].append(placed)
        if len(parts) > 1 and all(len(part) == len(places) for part in parts.values()):
            return [sorted(parts[value], key=_by_place) for value in sorted(parts)]
    return [sorted(group, key=_by_place)]


def _by_place(placed: Placed) -> tuple[float, ...]:
    return (round(slice_distance(placed.frame), 2), placed.instance.number, placed.frame.index)


def _by_number(placed: Placed) -> tuple[float, str, int]:
    return (placed.instance.number, placed.instance.name, placed.frame.index)


def _place_in_study(stack: Stack) -> tuple[object, ...]:
    first = stack.first
    return (
        first.study,
        first.series_number,
        first.series,
        -len(stack.frames),
        stack.frames[0].frame.phase,
        first.number,
    )
