"""Radiographs of bones: the knee, a shaft, the hand, the foot. What attenuates is bright."""

from itertools import pairwise

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, Point, gaussian_blur, union

PARTS = ("knee", "shaft", "hand", "foot")


def anatomy(canvas: Canvas, *, part: str = "knee", side: str = "right", growing: bool = False) -> None:
    """`side` is the side of the patient; a `growing` bone has open growth plates."""
    if part not in PARTS or side not in ("right", "left"):
        raise ValueError(f"bone: part {part!r}, side {side!r}; parts {', '.join(PARTS)}; sides right, left")
    canvas.pixels[:] = 0.02
    canvas.areas["bone"] = np.zeros_like(canvas.pixels)
    mirror = 1 if side == "right" else -1
    {"knee": _knee, "shaft": _shaft, "hand": _hand, "foot": _foot}[part](canvas, mirror, growing)


def _flip(points: list[tuple[float, float]], mirror: int) -> list[tuple[float, float]]:
    return [(mirror * x, y) for x, y in points]


def soft(canvas: Canvas, mask: Array, value: float = 0.24) -> None:
    canvas.paint(gaussian_blur(mask, 1.5), value + 0.012 * canvas.cloud(0.2, "soft"))


def draw_bone(
    canvas: Canvas,
    mask: Array,
    *,
    cortex: float | Array = 0.3,
    sigma: float = 5.0,
    bright: float = 0.82,
    dim: float = 0.5,
) -> None:
    """`cortex` from 0 (thin) to 1 (thick); it may vary over the picture."""
    depth = gaussian_blur(mask, sigma)
    inner = np.clip((depth - (0.56 + 0.36 * np.asarray(cortex))) * 14, 0, 1) * mask
    trabeculae = 0.035 * canvas.cloud(0.025, "trabeculae") + 0.02 * np.sin(
        canvas.x * 130 + 3 * canvas.cloud(0.1, "grain")
    )
    canvas.paint(mask, bright)
    canvas.paint(inner, dim + trabeculae)
    canvas.areas["bone"] = np.maximum(canvas.areas["bone"], mask)


def _knee(canvas: Canvas, m: int, growing: bool) -> None:
    soft(canvas, canvas.polygon([(-0.62, -1.2), (-0.58, -0.5), (-0.62, 0.0), (-0.52, 0.4), (-0.5, 1.2), (0.5, 1.2),
                                 (0.52, 0.4), (0.62, 0.0), (0.58, -0.5), (0.62, -1.2)]))  # fmt: skip
    thick = np.clip((np.abs(canvas.y) - 0.3) * 1.6, 0.02, 0.75)
    fibula = _flip([(-0.36, 0.26), (-0.43, 0.3), (-0.44, 0.4), (-0.38, 0.5), (-0.37, 1.2), (-0.27, 1.2), (-0.29, 0.5),
                    (-0.3, 0.32)], m)  # fmt: skip
    draw_bone(canvas, canvas.polygon(fibula), cortex=thick, bright=0.72, dim=0.48)
    femur = _flip([(-0.17, -1.3), (-0.165, -0.8), (-0.2, -0.55), (-0.36, -0.3), (-0.44, -0.12), (-0.41, 0.04),
                   (-0.26, 0.1),
                   (-0.08, 0.02), (0.0, -0.02), (0.08, 0.02), (0.26, 0.11), (0.43, 0.04), (0.46, -0.12), (0.37, -0.32),
                   (0.2, -0.56), (0.165, -0.8), (0.17, -1.3)], m)  # fmt: skip
    draw_bone(canvas, canvas.polygon(femur), cortex=thick)
    tibia = _flip([(-0.42, 0.19), (-0.2, 0.18), (-0.06, 0.14), (0, 0.17), (0.06, 0.14), (0.2, 0.18), (0.43, 0.19),
                   (0.42, 0.3),
                   (0.24, 0.52), (0.16, 0.75), (0.15, 1.3), (-0.15, 1.3), (-0.16, 0.75), (-0.24, 0.52),
                   (-0.4, 0.32)], m)  # fmt: skip
    draw_bone(canvas, canvas.polygon(tibia), cortex=thick)
    canvas.add(canvas.ellipse(0.02 * m, -0.2, 0.19, 0.2, edge=4), 0.07)
    if growing:
        for line in ([(-0.4, -0.17), (0, -0.21), (0.42, -0.17)], [(-0.39, 0.33), (0, 0.36), (0.39, 0.33)]):
            _growth_plate(canvas, _flip(line, m))


def _growth_plate(canvas: Canvas, line: list[tuple[float, float]]) -> None:
    canvas.paint(canvas.tube(line, 0.05) * canvas.areas["bone"], 0.8)
    canvas.paint(canvas.tube(line, 0.024) * canvas.areas["bone"], 0.36)


def _shaft(canvas: Canvas, m: int, growing: bool) -> None:
    soft(canvas, canvas.polygon([(-0.5, -1.2), (-0.56, -0.3), (-0.46, 1.2), (0.46, 1.2), (0.56, -0.3), (0.5, -1.2)]))
    fibula = _flip([(-0.36, -1.3), (-0.36, 1.3), (-0.27, 1.3), (-0.28, -1.3)], m)
    draw_bone(canvas, canvas.polygon(fibula, smooth=False), cortex=0.6, sigma=4, bright=0.72, dim=0.5)
    tibia = _flip([(-0.19, -1.4), (-0.155, -0.5), (-0.14, 0.3), (-0.16, 1.4), (0.2, 1.4), (0.15, 0.3), (0.16, -0.5),
                   (0.22, -1.4)], m)  # fmt: skip
    draw_bone(canvas, canvas.polygon(tibia), cortex=0.62, sigma=8)
    if growing:
        canvas.add(canvas.areas["bone"], -0.03)


def phalanx(canvas: Canvas, base: Point, tip: Point, width: float, *, cortex: float = 0.25) -> None:
    """A short tubular bone with wide ends and a waist."""
    start, end = np.asarray(base, dtype=float), np.asarray(tip, dtype=float)
    along = end - start
    across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-9)
    shape = ((0.0, 0.52), (0.1, 0.58), (0.25, 0.4), (0.5, 0.33), (0.75, 0.38), (0.9, 0.5), (1.0, 0.42))
    left = [tuple(start + along * t + across * width * w) for t, w in shape]
    right = [tuple(start + along * t - across * width * w) for t, w in reversed(shape)]
    draw_bone(canvas, canvas.polygon([*left, *right]), cortex=cortex, sigma=2.2)


# Joints of each ray of the right hand and foot, from proximal to distal; the last width belongs to the tip.
HAND_RAYS = (
    ([(-0.24, 0.34), (-0.45, 0.1), (-0.6, -0.13), (-0.7, -0.31)], 0.13),
    ([(-0.13, 0.26), (-0.24, -0.15), (-0.3, -0.47), (-0.33, -0.67), (-0.35, -0.8)], 0.115),
    ([(0.0, 0.25), (-0.01, -0.18), (-0.015, -0.54), (-0.02, -0.77), (-0.02, -0.92)], 0.115),
    ([(0.12, 0.27), (0.2, -0.13), (0.25, -0.46), (0.28, -0.68), (0.3, -0.82)], 0.105),
    ([(0.22, 0.31), (0.37, -0.04), (0.46, -0.28), (0.51, -0.43), (0.55, -0.55)], 0.095),
)
FOOT_RAYS = (
    ([(-0.2, 0.36), (-0.36, -0.18), (-0.43, -0.5), (-0.46, -0.74)], 0.17),
    ([(-0.06, 0.33), (-0.12, -0.25), (-0.15, -0.47), (-0.16, -0.58), (-0.165, -0.68)], 0.095),
    ([(0.06, 0.36), (0.08, -0.2), (0.08, -0.4), (0.08, -0.5), (0.08, -0.59)], 0.09),
    ([(0.16, 0.4), (0.26, -0.12), (0.29, -0.31), (0.3, -0.4), (0.31, -0.48)], 0.088),
    ([(0.27, 0.47), (0.43, -0.02), (0.48, -0.19), (0.5, -0.27), (0.52, -0.34)], 0.085),
)


def _rays(canvas: Canvas, rays: tuple[tuple[list[tuple[float, float]], float], ...], m: int, flesh: float) -> None:
    hull = [canvas.tube([(m * x, y) for x, y in joints], width * flesh, width * flesh * 0.8) for joints, width in rays]
    canvas.areas["rays"] = union(hull)


def _bones_of_rays(canvas: Canvas, rays: tuple[tuple[list[tuple[float, float]], float], ...], m: int) -> None:
    for joints, width in rays:
        points = [np.array([m * x, y]) for x, y in joints]
        for i, (a, b) in enumerate(pairwise(points)):
            gap = (b - a) / np.hypot(*(b - a)) * 0.014
            size = width * (1.0 if i == 0 else 0.92 - 0.1 * i)
            phalanx(canvas, a + gap, b - gap, size, cortex=0.35 if i == 0 else 0.22)


def _hand(canvas: Canvas, m: int, growing: bool) -> None:
    _rays(canvas, HAND_RAYS, m, 1.75)
    palm = canvas.polygon(_flip([(-0.3, 0.5), (-0.32, 0.2), (-0.33, -0.1), (-0.05, -0.25), (0.2, -0.2), (0.42, -0.02),
                                 (0.34, 0.35), (0.28, 0.6), (0.3, 1.2), (-0.32, 1.2)], m))  # fmt: skip
    soft(canvas, np.maximum(canvas.areas["rays"], palm))
    _bones_of_rays(canvas, HAND_RAYS, m)
    for x, y, r in ((-0.19, 0.38, 0.065), (-0.1, 0.35, 0.05), (0.01, 0.36, 0.07), (0.13, 0.38, 0.06),
                    (-0.14, 0.5, 0.07),
                    (0.0, 0.51, 0.07), (0.12, 0.5, 0.06)):  # fmt: skip
        draw_bone(canvas, canvas.blob(m * x, y, r, lobes=0.08, name=f"carpal{x}"), cortex=0.15, sigma=2)
    radius = _flip([(-0.24, 0.6), (-0.02, 0.62), (0.0, 0.72), (-0.06, 1.3), (-0.22, 1.3), (-0.26, 0.8)], m)
    ulna = _flip([(0.05, 0.64), (0.2, 0.66), (0.19, 0.78), (0.17, 1.3), (0.06, 1.3), (0.05, 0.8)], m)
    for outline in (radius, ulna):
        draw_bone(canvas, canvas.polygon(outline), cortex=np.clip((canvas.y - 0.68) * 2, 0.1, 0.6), sigma=4)


def _foot(canvas: Canvas, m: int, growing: bool) -> None:
    _rays(canvas, FOOT_RAYS, m, 1.7)
    sole = canvas.polygon(_flip([(-0.3, 0.9), (-0.36, 0.4), (-0.46, 0.0), (-0.4, -0.28), (0.1, -0.3), (0.45, -0.05),
                                 (0.44, 0.4), (0.36, 0.9), (0.3, 1.2), (-0.28, 1.2)], m))  # fmt: skip
    soft(canvas, np.maximum(canvas.areas["rays"], sole))
    _bones_of_rays(canvas, FOOT_RAYS, m)
    for dx in (-0.035, 0.03):
        canvas.add(canvas.ellipse(m * (-0.345 + dx), -0.13, 0.026, 0.036), 0.13)
    for x, y, rx, ry in ((-0.2, 0.47, 0.1, 0.09), (-0.06, 0.43, 0.065, 0.08), (0.05, 0.46, 0.06, 0.08),
                         (0.2, 0.57, 0.12, 0.11),
                         (-0.13, 0.63, 0.14, 0.07), (-0.06, 0.86, 0.16, 0.18), (0.17, 0.9, 0.13, 0.2)):  # fmt: skip
        draw_bone(canvas, canvas.ellipse(m * x, y, rx, ry), cortex=0.12, sigma=2.4, dim=0.55)


def finish(canvas: Canvas) -> Array:
    canvas.blur(0.6)
    canvas.grain(0.011, 0.6)
    return np.clip(canvas.pixels, 0, 1)
