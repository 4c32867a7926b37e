"""Frontal abdominal radiograph, lying or upright, and what can be wrong on it."""

from itertools import pairwise
from typing import TypedDict

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union


def anatomy(canvas: Canvas) -> None:
    canvas.pixels[:] = 0.03
    body = canvas.polygon([(-0.82, -1.1), (-0.78, -0.3), (-0.8, 0.3), (-0.9, 1.15), (0.9, 1.15), (0.8, 0.3),
                           (0.78, -0.3),
                           (0.82, -1.1)], edge=4)  # fmt: skip
    canvas.areas["body"] = body
    canvas.paint(body, 0.46 + 0.03 * canvas.cloud(0.4, "body"))
    canvas.add(
        canvas.polygon([(-0.76, -0.95), (0.0, -0.85), (-0.1, -0.6), (-0.5, -0.25), (-0.72, -0.25)], edge=10), 0.07
    )
    for s in (-1, 1):
        psoas = canvas.polygon([(s * 0.08, -0.5), (s * 0.12, -0.5), (s * 0.4, 0.35), (s * 0.1, 0.35)], edge=6)
        canvas.add(psoas, 0.05)
        canvas.add(canvas.ellipse(s * 0.36, -0.3, 0.12, 0.22, angle=s * 10, edge=9), 0.04)
    _spine(canvas)
    _pelvis(canvas)
    for s in (-1, 1):
        for i in range(3):
            rib = [(s * 0.1, -0.78 + i * 0.16), (s * 0.45, -0.75 + i * 0.17), (s * 0.74, -0.55 + i * 0.16)]
            canvas.add(canvas.tube(rib, 0.05, 0.035) * body, 0.08)
    for x, y, r in ((0.5, -0.55, 0.1), (-0.55, 0.3, 0.07), (0.55, 0.2, 0.06), (0.1, 0.72, 0.07)):
        canvas.add(canvas.blob(x, y, r, lobes=0.3, name="gas", edge=8), -0.13)


def _spine(canvas: Canvas) -> None:
    for i in range(7):
        y = -0.88 + 0.2 * i
        box = [(-0.1, y - 0.075), (0.1, y - 0.075), (0.095, y), (0.1, y + 0.075), (-0.1, y + 0.075), (-0.095, y)]
        mask = canvas.polygon(box, smooth=False, edge=2)
        canvas.add(mask, 0.15)
        canvas.add(np.clip(mask - gaussian_blur(mask, 3), 0, 1), 0.25)
        canvas.add(canvas.ellipse(0, y + 0.03, 0.018, 0.05), 0.1)
        for s in (-1, 1):
            canvas.add(canvas.tube([(s * 0.09, y), (s * 0.19, y - 0.02)], 0.03, 0.02), 0.09)
            canvas.add(canvas.ring(s * 0.06, y - 0.02, 0.022, 0.032, 0.01), 0.12)


def _pelvis(canvas: Canvas) -> None:
    for s in (-1, 1):
        wing = canvas.polygon([(s * 0.18, 0.5), (s * 0.36, 0.3), (s * 0.66, 0.28), (s * 0.72, 0.46), (s * 0.55, 0.75),
                               (s * 0.5, 0.95), (s * 0.28, 0.82)])  # fmt: skip
        canvas.add(wing, 0.15)
        canvas.add(np.clip(wing - gaussian_blur(wing, 3), 0, 1), 0.22)
    sacrum = canvas.polygon([(-0.2, 0.5), (0.2, 0.5), (0.12, 0.8), (0, 0.95), (-0.12, 0.8)])
    canvas.add(sacrum, 0.13)


def _tube_of_gas(canvas: Canvas, points: list[list[float]], width: float, folds: float) -> tuple[Array, Array]:
    gas = canvas.tube(points, width, edge=2.5)
    rim = np.clip(gaussian_blur(gas, 2.2) - gas * 0.92, 0, 1)
    comb = np.zeros_like(gas)
    if folds:
        line = np.asarray(points, dtype=float)
        for a, b in pairwise(line):
            steps = max(2, round(float(np.hypot(*(b - a))) / folds))
            across = np.array([-(b - a)[1], (b - a)[0]]) / (np.hypot(*(b - a)) + 1e-9)
            for part in (np.arange(steps) + 0.5) / steps:
                at = a + (b - a) * part
                ends = [at - across * width * 0.5, at + across * width * 0.5]
                comb = np.maximum(comb, canvas.tube(ends, 0.011) * gas)
    return gas, np.maximum(rim * 0.5, comb * 0.6)


class GasLoop(TypedDict):
    points: list[list[float]]
    width: float


def gas_loops(canvas: Canvas, *, loops: list[GasLoop], folds: float = 0.055, depth: float = 0.24) -> None:
    """Gas-filled loops; folds that cross the whole width are those of small bowel."""
    for each in loops:
        gas, lines = _tube_of_gas(canvas, each["points"], each["width"], folds)
        canvas.add(gas * canvas.areas["body"], -depth)
        canvas.add(lines * canvas.areas["body"], depth * 0.75)


def levels(canvas: Canvas, *, places: list[list[float]], depth: float = 0.26) -> None:
    """Gas over fluid with a flat surface, upright; each place is x, y of the surface, width, height."""
    for x, y, width, height in places:
        dome = canvas.ellipse(x, y, width, height) * np.clip((y - canvas.y) * canvas.size / 2 + 0.5, 0, 1)
        canvas.add(dome, -depth)
        rim = np.clip(gaussian_blur(dome, 2) - dome * 0.93, 0, 1) * (canvas.y < y)
        canvas.add(rim, depth * 0.5)
        base = canvas.ellipse(x, y, width, height * 0.6, edge=3) * (canvas.y >= y)
        canvas.add(base, 0.05)


def colon_gas(canvas: Canvas, *, width: float = 0.13, depth: float = 0.2) -> None:
    """Gas along the whole colon to the rectum, with haustra."""
    frame = [(-0.6, 0.45), (-0.62, 0.1), (-0.58, -0.25), (-0.3, -0.35), (0.0, -0.3), (0.3, -0.38), (0.6, -0.5),
             (0.64, -0.1),
             (0.6, 0.3), (0.4, 0.5), (0.15, 0.55), (0.0, 0.75)]  # fmt: skip
    gas = canvas.tube(frame, width, edge=3)
    notches = []
    for i, (x, y) in enumerate(frame):
        notches.append(canvas.ellipse(x + width * 0.28 * (-1) ** i, y + 0.03, 0.035))
    canvas.add(gas * (1 - 0.6 * union(notches)) * canvas.areas["body"], -depth)
    canvas.add(np.clip(gaussian_blur(gas, 2) - gas * 0.93, 0, 1), depth * 0.5)


def stone(canvas: Canvas, *, x: float, y: float, rx: float = 0.02, ry: float = 0.028) -> None:
    canvas.add(canvas.ellipse(x, y, rx, ry), 0.4)


LESIONS = {"gas_loops": gas_loops, "levels": levels, "colon_gas": colon_gas, "stone": stone}


def finish(canvas: Canvas) -> Array:
    canvas.blur(0.8)
    canvas.grain(0.013, 0.6)
    return np.clip(canvas.pixels * 1.05, 0, 1)
