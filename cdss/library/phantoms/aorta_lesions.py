"""Disease of the thoracic aorta on the axial chest CT phantom, at the level of the pulmonary arteries. Values in HU."""

import numpy as np

from cdss.library.phantoms.canvas import Canvas
from cdss.library.phantoms.chest_ct_lesions import effusion

# Centre and radius of the two parts of the aorta that the slice cuts.
PARTS = {"ascending": (-0.08, -0.18), "descending": (0.19, 0.26)}


def flap(
    canvas: Canvas, *, part: str, r: float, true: float, false: float, angle: float = 30.0, offset: float = 0.25
) -> None:
    """A wide aorta with a thin line between a true and a false lumen."""
    x, y = PARTS[part]
    canvas.paint(canvas.ellipse(x, y, r + 0.012), 60)
    lumen = canvas.ellipse(x, y, r)
    canvas.paint(lumen, false)
    turn = np.deg2rad(angle)
    u = (canvas.x - x) * np.cos(turn) + (canvas.y - y) * np.sin(turn)
    v = -(canvas.x - x) * np.sin(turn) + (canvas.y - y) * np.cos(turn)
    edge = u - offset * r + 0.55 * r * (v / r) ** 2 * np.sign(offset if offset else 1)
    canvas.paint(lumen * np.clip(-edge * canvas.size / 3 + 0.5, 0, 1), true)
    line = np.clip(1.4 - np.abs(edge) * canvas.size / 2 / 1.9, 0, 1) * lumen
    canvas.paint(line, 45)


def crescent(
    canvas: Canvas, *, part: str, r: float, depth: float, blood: float, wall: float, angle: float = 20.0
) -> None:
    """A smooth crescent of the wall; there is no line in the lumen."""
    x, y = PARTS[part]
    turn = np.deg2rad(angle)
    canvas.paint(canvas.ellipse(x, y, r), wall)
    shift = depth * 0.5
    canvas.paint(canvas.ellipse(x - shift * np.cos(turn), y - shift * np.sin(turn), r - shift - 0.008), blood)


def displaced_calcium(canvas: Canvas, *, part: str, r: float, angle: float, value: float = 700.0) -> None:
    """A fleck of calcified intima lying inside the outer wall."""
    x, y = PARTS[part]
    arc = [(x + r * np.cos(np.deg2rad(angle + d)), y + r * np.sin(np.deg2rad(angle + d))) for d in (-22, 0, 22)]
    canvas.paint(canvas.tube(arc, 0.018), value)


def pericardial_fluid(canvas: Canvas, *, value: float = 40.0) -> None:
    ring = canvas.ellipse(0.02, -0.16, 0.27, 0.24) * (1 - canvas.ellipse(0.02, -0.15, 0.235, 0.205))
    canvas.paint(ring * (canvas.y < 0.02) * (1 - canvas.areas["lungs"]), value)


LESIONS = {
    "flap": flap, "crescent": crescent, "displaced_calcium": displaced_calcium, "pericardial_fluid": pericardial_fluid,
    "effusion": effusion,
}  # fmt: skip
