"""What can be wrong on the chest radiograph phantom."""

import numpy as np

from cdss.library.phantoms.canvas import Canvas, gaussian_blur, union


def nodule(canvas: Canvas, *, x: float, y: float, r: float, density: float = 0.24, calcified: bool = False) -> None:
    canvas.add(canvas.blob(x, y, r, lobes=0.06, name="nodule", edge=3), density)
    if calcified:
        spots = canvas.random("popcorn")
        for _ in range(7):
            angle, far = spots.uniform(0, 2 * np.pi), r * spots.uniform(0, 0.55)
            canvas.add(canvas.blob(x + far * np.cos(angle), y + far * np.sin(angle), r * 0.2, lobes=0.3, edge=2), 0.2)


def nodules(canvas: Canvas, *, places: list[list[float]], density: float = 0.22) -> None:
    for x, y, r in places:
        canvas.add(canvas.blob(x, y, r, lobes=0.05, name="many", edge=4), density)


def consolidation(
    canvas: Canvas, *, points: list[list[float]], bronchi: list[list[list[float]]], density: float = 0.4
) -> None:
    """Airspace opacity; air stays in the bronchi that cross it."""
    mask = gaussian_blur(canvas.polygon(points, edge=5), 5) * canvas.areas["lungs"] * (1 - canvas.areas["mediastinum"])
    patchy = np.clip(0.9 + 0.13 * canvas.cloud(0.07, "patchy"), 0, 1.2)
    canvas.add(mask * patchy, density)
    for line in bronchi:
        canvas.add(gaussian_blur(canvas.tube(line, 0.03, 0.014), 0.8) * mask, -density * 0.55)


def cavity(canvas: Canvas, *, x: float, y: float, r: float, wall: float) -> None:
    canvas.add(canvas.blob(x, y, r * 1.8, lobes=0.25, name="halo", edge=26) * canvas.areas["lungs"], 0.14)
    outer = canvas.blob(x, y, r, lobes=0.1, name="cavity", edge=4)
    inner = canvas.blob(x, y, r - wall, lobes=0.14, name="cavity inside", edge=3)
    canvas.add(outer, 0.22)
    canvas.add(inner, -0.36)


def strands(canvas: Canvas, *, side: str, count: int = 14) -> None:
    """Streaks and small shadows in the upper zone."""
    sign = -1 if side == "right" else 1
    where = canvas.random(f"strands {side}")
    masks = []
    for _ in range(count):
        x, y = sign * where.uniform(0.18, 0.45), where.uniform(-0.62, -0.3)
        masks.append(canvas.tube([(x, y), (x - sign * 0.1, y + where.uniform(0.04, 0.16))], 0.012, 0.006))
        masks.append(canvas.blob(x, y, where.uniform(0.012, 0.025), lobes=0.3, name="shadow", edge=3))
    canvas.add(union(masks) * canvas.areas["lungs"], 0.13)


def hilar_nodes(canvas: Canvas, *, paratracheal: bool = True, scale: float = 1.0) -> None:
    for side, y in ((-1, -0.04), (1, -0.08)):
        for dx, dy, r in ((0.25, 0.0, 0.085), (0.23, 0.12, 0.07), (0.3, 0.07, 0.065), (0.24, -0.1, 0.06)):
            canvas.add(canvas.blob(side * dx, y + dy, r * scale, lobes=0.08, name="node", edge=4), 0.12)
    if paratracheal:
        canvas.add(canvas.blob(-0.13, -0.38, 0.085 * scale, lobes=0.1, name="paratracheal", edge=5), 0.2)


def reticulonodular(canvas: Canvas, *, count: int = 240, low: float = -0.5, high: float = 0.25) -> None:
    where = canvas.random("reticulonodular")
    masks = []
    for _ in range(count):
        side = where.choice([-1, 1])
        x, y = side * where.uniform(0.17, 0.6), where.uniform(low, high)
        masks.append(canvas.ellipse(x, y, where.uniform(0.006, 0.012), edge=2))
        if where.uniform() < 0.4:
            masks.append(canvas.tube([(x, y), (x + where.normal(0, 0.04), y + where.normal(0, 0.04))], 0.006))
    canvas.add(union(masks) * canvas.areas["lungs"], 0.14)


def pleural_air(canvas: Canvas, *, side: str, gap: float) -> None:
    """Dark space without vessels between the chest wall and a thin line, the edge of the lung."""
    lung = canvas.areas[f"{side}_lung"]
    sign = -1 if side == "right" else 1
    cx, cy = sign * (0.36 - gap * 0.62), 0.02 + gap * 0.35
    inner = canvas.ellipse(cx, cy, 0.29 - gap * 0.45, 0.78 - gap * 0.85, angle=-sign * 6)
    air = gaussian_blur(np.clip(lung - inner, 0, 1), 0.8)
    texture = np.maximum(canvas.pixels - gaussian_blur(canvas.pixels, 3), -0.02)
    canvas.paint(air * (1 - canvas.areas["mediastinum"]), np.minimum(canvas.pixels, 0.09 + texture * 0.4), 0.9)
    canvas.add(lung * inner, 0.05 + gap * 0.5)
    rim = np.clip(inner * (1 - inner) * 4, 0, 1) * lung
    canvas.add(rim, 0.2)


def bulla(canvas: Canvas, *, x: float, y: float, rx: float, ry: float) -> None:
    inside = canvas.ellipse(x, y, rx, ry, edge=2) * canvas.areas["lungs"]
    smooth = gaussian_blur(canvas.pixels, 6)
    canvas.paint(inside, np.minimum(smooth, 0.1), 0.8)
    canvas.add(canvas.ring(x, y, rx, ry, 0.016) * canvas.areas["lungs"], 0.2)


def effusion(canvas: Canvas, *, side: str, height: float, density: float = 0.62) -> None:
    """Fluid with a meniscus that climbs the chest wall."""
    sign = -1 if side == "right" else 1
    away = np.clip((sign * canvas.x - 0.15) / 0.5, 0, 1.1)
    surface = 0.55 - height + 0.1 * (1 - away) - 0.2 * away**4
    layer = np.clip((canvas.y - surface) * canvas.size / 14, 0, 1)
    half = canvas.polygon([(sign * 0.13, -0.8), (sign * 0.66, -0.1), (sign * 0.7, 0.4), (sign * 0.69, 0.6),
                           (sign * 0.5, 0.62), (sign * 0.13, 0.62)], smooth=False, edge=3)  # fmt: skip
    lung = canvas.areas[f"{side}_lung"]
    base = half * np.clip((canvas.y - 0.3) * canvas.size / 20, 0, 1)
    canvas.paint(np.maximum(lung, base) * layer, np.maximum(canvas.pixels, density), 0.93)


def hyperinflation(canvas: Canvas) -> None:
    canvas.add(canvas.areas["lungs"] * (1 - canvas.areas["mediastinum"]), -0.05)


LESIONS = {
    "nodule": nodule, "nodules": nodules, "consolidation": consolidation, "cavity": cavity, "strands": strands,
    "hilar_nodes": hilar_nodes, "reticulonodular": reticulonodular, "pleural_air": pleural_air, "bulla": bulla,
    "effusion": effusion, "hyperinflation": hyperinflation,
}  # fmt: skip
