"""Where the sides of a picture lie in the patient, and where its windows are."""

from __future__ import annotations

from collections.abc import Sequence

# Towards the patient's left, back and head.
AXES = (("L", "R"), ("P", "A"), ("H", "F"))
OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "H": "F", "F": "H"}
# A direction that leans less than this to an axis is not called by it.
LEANS = 0.26
CT_PRESETS: tuple[tuple[str, float, float], ...] = (
    ("Soft tissue", 40, 400),
    ("Lung", -600, 1500),
    ("Bone", 480, 2500),
    ("Brain", 40, 80),
    ("Subdural", 75, 215),
    ("Liver", 60, 160),
    ("Angiography", 300, 600),
)


def direction(cosines: Sequence[float]) -> str:
    """The letters of a direction, the axis it leans to most first: L, PL, HAR …"""
    leaning = sorted(range(3), key=lambda axis: -abs(cosines[axis]))
    return "".join(AXES[axis][0 if cosines[axis] > 0 else 1] for axis in leaning if abs(cosines[axis]) >= LEANS)


def opposite(letters: str) -> str:
    return "".join(OPPOSITE.get(letter, "") for letter in letters)


def markers(orientation: Sequence[float], letters: Sequence[str]) -> dict[str, str]:
    """The letters of the four sides; empty when the picture does not say how it lies."""
    if len(orientation) == 6:
        right, bottom = direction(orientation[:3]), direction(orientation[3:])
    elif len(letters) == 2:
        right, bottom = letters[0], letters[1]
    else:
        return {}
    return {"left": opposite(right), "right": right, "top": opposite(bottom), "bottom": bottom}
