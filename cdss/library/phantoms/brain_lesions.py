"""What can be wrong on the axial brain phantom. Values are in the units of the look (HU, or brightness 0 to 1)."""

import numpy as np

from cdss.library.phantoms.brain import CENTRE, RX, RY
from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union


def _push(canvas: Canvas, x: float, y: float, reach: float, amount: float) -> None:
    """Moves the tissue around (x, y) outwards; the skull stays where it is."""
    dx, dy = canvas.x - x, canvas.y - y
    distance = np.sqrt(dx**2 + dy**2) + 1e-6
    strength = amount * np.exp(-((distance / reach) ** 2)) * np.clip(distance / (0.3 * reach), 0, 1)
    held = gaussian_blur(canvas.ellipse(0, CENTRE, RX - 0.04, RY - 0.04, edge=12), 4)
    canvas.warp(dx / distance * strength * held, dy / distance * strength * held)


def shift(canvas: Canvas, *, amount: float, y: float = 0.0, reach: float = 0.6) -> None:
    """Pushes the midline sideways: to the right of the picture when positive."""
    across = np.exp(-((canvas.x / 0.42) ** 2)) * np.exp(-(((canvas.y - y) / reach) ** 2))
    held = gaussian_blur(canvas.ellipse(0, CENTRE, RX - 0.04, RY - 0.04, edge=12), 4)
    canvas.warp(amount * across * held, np.zeros_like(canvas.x))


def oedema(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, value: float, angle: float = 0.0) -> None:
    """Vasogenic oedema: it follows the white matter in fingers and spares the cortex."""
    halo = canvas.ellipse(x, y, rx, ry, angle=angle, edge=16)
    spread = np.clip(canvas.areas.get("white", canvas.areas["brain"]) * 1.1, 0, 1)
    ventricles = canvas.areas.get("ventricles", np.zeros_like(spread))
    canvas.paint(gaussian_blur(halo * spread, 1.5) * (1 - ventricles), value)


def mass_effect(canvas: Canvas, *, x: float, y: float, reach: float, amount: float) -> None:
    _push(canvas, x, y, reach, amount)


def dural_mass(
    canvas: Canvas, *, x: float, y: float, rx: float, ry: float, value: float, angle: float = 0.0, tail: float = 0.0,
    cleft: float | None = None, calcified: bool = False,
) -> None:  # fmt: skip
    """A broad-based mass; `tail` is the length of enhancing dura beside it, `cleft` the value of the CSF around it."""
    within = canvas.areas["inside"]
    mask = canvas.ellipse(x, y, rx, ry, angle=angle)
    if cleft is not None:
        canvas.paint(canvas.ellipse(x, y, rx + 0.025, ry + 0.025, angle=angle) * within, cleft)
    canvas.paint(mask * within, value)
    if tail:
        theta = np.arctan2((y - CENTRE) / RY, x / RX)
        for sign in (-1, 1):
            ends = np.linspace(0, sign * (tail + max(rx, ry) * 1.25), 8)
            arc = [((RX - 0.015) * np.cos(theta + t), CENTRE + (RY - 0.015) * np.sin(theta + t)) for t in ends]
            canvas.paint(canvas.tube(arc, 0.045, 0.008) * within, value)
    if calcified:
        spots = canvas.random("psammoma")
        for _ in range(12):
            cx, cy = x + spots.normal(0, rx * 0.4), y + spots.normal(0, ry * 0.4)
            canvas.paint(canvas.blob(cx, cy, 0.022, lobes=0.3) * mask, 220)


def falx_mass(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, value: float) -> None:
    canvas.paint(canvas.ellipse(x, y, rx, ry) * canvas.areas["inside"], value)
    canvas.paint(canvas.tube([(0, y - ry - 0.12), (0, y - ry * 0.7)], 0.008, 0.028), value)
    canvas.paint(canvas.tube([(0, y + ry * 0.7), (0, y + ry + 0.12)], 0.028, 0.008), value)


def canal_mass(canvas: Canvas, *, side: str, r: float, value: float, cystic: float | None = None) -> None:
    """A mass of the cerebellopontine angle with a stem in the internal auditory canal."""
    s = -1 if side == "right" else 1
    x = s * (0.17 + r * 0.15)
    y = 0.1 + r * 0.25
    ball = canvas.ellipse(x, y, r * 1.05, r * 0.9, angle=s * 20) * (r > 0.05)
    stem = canvas.tube([(x, y - 0.02), (s * 0.24, 0.035), (s * 0.345, 0.018)], 0.065, 0.045)
    canvas.paint(np.maximum(ball, stem), value)
    if cystic is not None:
        canvas.paint(canvas.blob(x - s * r * 0.25, y + r * 0.1, r * 0.42, lobes=0.2, name="cyst"), cystic)


def ring(
    canvas: Canvas, *, x: float, y: float, r: float, wall: float, value: float, centre: float, lobes: float = 0.06,
    thick: float = 0.0, angle: float = 0.0, stretch: float = 1.0,
) -> None:  # fmt: skip
    """Ring enhancement; `thick` makes the wall uneven, thicker towards `angle`."""
    outer = canvas.blob(x, y, r, lobes=lobes, stretch=stretch, name="ring")
    turn = np.deg2rad(angle)
    inner = canvas.blob(x - thick * np.cos(turn), y - thick * np.sin(turn), r - wall - thick * 0.6, lobes=lobes * 1.15,
                        stretch=stretch, name="ring inside")  # fmt: skip
    canvas.paint(outer, value)
    canvas.paint(inner, centre)


def spots(canvas: Canvas, *, places: list[list[float]], value: float, edge: float = 2.0) -> None:
    """Ovoid foci; each place is x, y, rx, ry, angle."""
    masks = [canvas.ellipse(x, y, rx, ry, angle=angle, edge=edge) for x, y, rx, ry, angle in places]
    canvas.paint(union(masks) * canvas.areas["inside"], value)


def caps(canvas: Canvas, *, value: float, width: float = 0.1) -> None:
    """Confluent, symmetrical change of the white matter around the ventricles."""
    ventricles = canvas.areas["ventricles"]
    near = np.clip(gaussian_blur(ventricles, width * canvas.size / 5) * 4, 0, 1)
    uneven = np.clip(0.8 + 0.3 * canvas.cloud(0.12, "caps"), 0, 1)
    mask = near * canvas.areas["white"] * uneven * (1 - ventricles)
    canvas.paint(gaussian_blur(mask, 1), value)


def crescent(canvas: Canvas, *, side: str, depth: float, value: float, layered: float | None = None) -> None:
    """A collection that follows the whole convexity, concave inwards, and crosses sutures."""
    s = -1 if side == "right" else 1
    inner = canvas.ellipse(-s * depth * 1.15, CENTRE, RX, RY * 1.06)
    shape = canvas.areas["inside"] * (1 - inner) * (canvas.x * s > 0.05)
    shape = gaussian_blur(shape, 0.8)
    tone: float | Array = value
    if layered is not None:
        low = np.clip((canvas.y - 0.15) * canvas.size / 60 + 0.5, 0, 1)
        tone = value * (1 - low) + layered * low
    canvas.paint(shape, tone)
    canvas.areas["collection"] = shape


def lens(
    canvas: Canvas, *, angle: float, length: float, depth: float, value: float, swirl: float | None = None
) -> None:
    """A biconvex collection against the inner table; `angle` in degrees, 0 at the right of the picture."""
    turn = np.deg2rad(angle)
    nx, ny = np.cos(turn), np.sin(turn)
    edge = 1 / np.sqrt((nx / RX) ** 2 + (ny / RY) ** 2)
    cx, cy = nx * edge, CENTRE + ny * edge
    tilt = np.rad2deg(np.arctan2(ny / RY**2, nx / RX**2))
    shape = canvas.ellipse(cx, cy, depth, length, angle=tilt) * canvas.areas["inside"]
    canvas.paint(shape, value)
    if swirl is not None:
        canvas.paint(canvas.blob(cx - nx * depth * 0.4, cy - ny * depth * 0.4, depth * 0.35, lobes=0.4) * shape, swirl)


def cistern_blood(canvas: Canvas, *, value: float = 68.0, side: str = "both") -> None:
    mask = canvas.areas["cisterns"]
    if side != "both":
        s = -1 if side == "right" else 1
        mask = mask * np.clip(0.25 + 0.75 * (canvas.x * s > -0.05), 0, 1)
    sulci = canvas.areas["sulci"] * np.exp(-(((canvas.y + 0.15) / 0.35) ** 2))
    canvas.paint(gaussian_blur(np.maximum(mask, 0.7 * sulci), 0.8), value)


def sulcal_blood(canvas: Canvas, *, side: str, value: float = 66.0) -> None:
    s = -1 if side == "right" else 1
    mask = canvas.areas["sulci"] * (canvas.x * s > 0) * np.exp(-(((canvas.y + 0.1) / 0.4) ** 2))
    canvas.paint(gaussian_blur(mask, 0.9) * 1.0, value)


def territory(canvas: Canvas, *, points: list[list[float]], value: float, soft: float = 4.0) -> None:
    """The territory of an artery: cortex and white matter together."""
    mask = gaussian_blur(canvas.polygon(points), soft) * canvas.areas["brain"]
    canvas.paint(np.clip(mask, 0, 1), value, 0.92)


def bright_artery(canvas: Canvas, *, points: list[list[float]], value: float = 75.0, width: float = 0.03) -> None:
    canvas.paint(canvas.tube(points, width), value)


LESIONS = {
    "shift": shift, "oedema": oedema, "mass_effect": mass_effect, "dural_mass": dural_mass, "falx_mass": falx_mass,
    "canal_mass": canal_mass, "ring": ring, "spots": spots, "caps": caps, "crescent": crescent, "lens": lens,
    "cistern_blood": cistern_blood, "sulcal_blood": sulcal_blood, "territory": territory,
"bright_artery": bright_artery,
}  # fmt: skip
