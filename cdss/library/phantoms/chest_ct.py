"""Axial chest CT in Hounsfield units."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, union

AIR, LUNG, FAT, MUSCLE, BONE = -1000.0, -860.0, -100.0, 50.0, 420.0
WINDOWS = {"lung": (-480.0, 1300.0), "soft": (50.0, 420.0), "angio": (150.0, 700.0), "narrow": (45.0, 190.0)}
LEVELS = ("upper", "hilum", "lower")
RIGHT_LUNG = {
    "upper": [(-0.13, -0.3), (-0.3, -0.43), (-0.52, -0.36), (-0.66, -0.1), (-0.66, 0.18), (-0.52, 0.42), (-0.32, 0.46),
              (-0.17, 0.34), (-0.12, 0.16), (-0.17, -0.05)],
    "hilum": [(-0.1, -0.42), (-0.34, -0.5), (-0.6, -0.4), (-0.75, -0.08), (-0.74, 0.22), (-0.58, 0.46), (-0.33, 0.52),
              (-0.17, 0.4), (-0.16, 0.22), (-0.27, 0.08), (-0.28, -0.16)],
    "lower": [(-0.2, -0.42), (-0.42, -0.48), (-0.65, -0.36), (-0.78, -0.05), (-0.76, 0.25), (-0.58, 0.49),
              (-0.33, 0.54),
              (-0.16, 0.42), (-0.14, 0.24), (-0.24, 0.1), (-0.28, -0.15)],
}  # fmt: skip
LEFT_LUNG = {
    "upper": [(0.13, -0.3), (0.3, -0.43), (0.52, -0.36), (0.66, -0.1), (0.66, 0.18), (0.52, 0.42), (0.34, 0.46),
              (0.22, 0.36), (0.24, 0.16), (0.22, -0.1)],
    "hilum": [(0.1, -0.42), (0.34, -0.5), (0.6, -0.4), (0.75, -0.08), (0.74, 0.22), (0.58, 0.46), (0.33, 0.52),
              (0.25, 0.42), (0.28, 0.22), (0.27, 0.02), (0.24, -0.22)],
    "lower": [(0.3, -0.45), (0.45, -0.48), (0.66, -0.36), (0.78, -0.05), (0.76, 0.25), (0.58, 0.49), (0.36, 0.54),
              (0.26, 0.44), (0.28, 0.3), (0.46, 0.14), (0.52, -0.08), (0.42, -0.3)],
}  # fmt: skip


def anatomy(canvas: Canvas, *, level: str = "hilum", contrast: float = 45.0) -> None:
    """`contrast` is the attenuation of blood."""
    if level not in LEVELS:
        raise ValueError(f"chest_ct: no level {level!r}; choose one of {', '.join(LEVELS)}")
    canvas.pixels[:] = AIR
    body = canvas.ellipse(0, 0.02, 0.93, 0.68)
    canvas.paint(body, FAT)
    canvas.paint(canvas.ellipse(0, 0.03, 0.86, 0.61), MUSCLE + 6 * canvas.cloud(0.06, "muscle"))
    canvas.paint(canvas.ellipse(0, 0.02, 0.81, 0.57), FAT)
    _scapulae(canvas)
    right = canvas.polygon(RIGHT_LUNG[level])
    left = canvas.polygon(LEFT_LUNG[level])
    canvas.areas.update(body=body, right_lung=right, left_lung=left, lungs=np.maximum(right, left))
    mediastinum = canvas.ellipse(0, 0.0, 0.3, 0.42) * (1 - canvas.areas["lungs"])
    canvas.paint(mediastinum, FAT + 20)
    _ribs(canvas)
    _spine(canvas)
    canvas.paint(canvas.areas["lungs"], LUNG + 14 * canvas.cloud(0.15, "lung"))
    _branches(canvas, level)
    canvas.areas["vessels"] = np.zeros_like(canvas.pixels)
    {"upper": _upper, "hilum": _hilum, "lower": _lower}[level](canvas, contrast)


def _scapulae(canvas: Canvas) -> None:
    for side in (-1, 1):
        blade = [(side * 0.5, 0.58), (side * 0.7, 0.45), (side * 0.83, 0.22)]
        canvas.paint(canvas.tube(blade, 0.03), BONE * 0.8)


def _ribs(canvas: Canvas) -> None:
    ring = canvas.ring(0, 0.02, 0.815, 0.565, 0.045)
    angles = np.arctan2((canvas.y - 0.02) / 0.565, canvas.x / 0.815)
    ribs = np.clip(np.cos(angles * 9 + 0.4) * 4 - 1.2, 0, 1) * ring
    canvas.paint(ribs, BONE)
    canvas.paint(canvas.ring(0, 0.02, 0.805, 0.555, 0.022) * (ribs > 0.6), 180, 0.8)
    canvas.paint(canvas.ellipse(0, -0.53, 0.12, 0.028), BONE * 0.7)


def _spine(canvas: Canvas) -> None:
    canvas.paint(canvas.ellipse(0, 0.45, 0.22, 0.14), MUSCLE)
    body = canvas.ellipse(0, 0.36, 0.125, 0.105)
    canvas.paint(body, BONE)
    canvas.paint(canvas.ellipse(0, 0.36, 0.105, 0.085), 210 + 25 * canvas.cloud(0.02, "marrow"))
    arch = canvas.polygon(
        [(-0.1, 0.44), (0.1, 0.44), (0.17, 0.5), (0.05, 0.57), (0, 0.66), (-0.05, 0.57), (-0.17, 0.5)]
    )
    canvas.paint(arch, BONE)
    canvas.paint(canvas.ellipse(0, 0.5, 0.055, 0.045), 25)


def _vessel(canvas: Canvas, mask: Array, blood: float) -> None:
    canvas.paint(mask, blood)
    canvas.areas["vessels"] = np.maximum(canvas.areas["vessels"], mask)


def _branches(canvas: Canvas, level: str) -> None:
    """Pulmonary vessels: arteries and veins that branch out from the hilum and taper."""
    spread = canvas.random("branches")
    reach = {"upper": 0.75, "hilum": 1.0, "lower": 1.0}[level]
    masks = []
    for side in (-1, 1):
        root = np.array([side * (0.2 if level == "upper" else 0.26), 0.06 if level != "lower" else 0.16])
        for direction in np.linspace(-1.35, 1.35, 7):
            angle = direction + spread.normal(0, 0.16)
            length = reach * (0.44 - 0.06 * abs(direction)) * spread.uniform(0.7, 1.05)
            tip = root + length * np.array([side * np.cos(angle), np.sin(angle)])
            bend = (root + tip) / 2 + spread.normal(0, 0.035, 2)
            masks.append(canvas.tube([root, bend, tip], 0.03 * reach, 0.005))
            for part in (0.45, 0.65, 0.82):
                start = root + (tip - root) * part
                fork = angle + spread.choice([-1, 1]) * spread.uniform(0.4, 0.9)
                end = start + spread.uniform(0.08, 0.16) * np.array([side * np.cos(fork), np.sin(fork)])
                masks.append(canvas.tube([start, (start + end) / 2, end], 0.013, 0.004))
        for _ in range(34):
            x, y = side * spread.uniform(0.25, 0.72), spread.uniform(-0.42, 0.48)
            masks.append(canvas.ellipse(x, y, spread.uniform(0.005, 0.011), edge=2))
    canvas.paint(union(masks) * canvas.areas["lungs"], 0.0, 0.85)


def _upper(canvas: Canvas, blood: float) -> None:
    for x, y, r in ((-0.13, -0.17, 0.055), (0.12, -0.1, 0.05), (-0.02, -0.16, 0.045), (0.19, -0.19, 0.055)):
        _vessel(canvas, canvas.ellipse(x, y, r), blood)
    canvas.paint(canvas.ellipse(0.0, 0.02, 0.068, 0.075), 10)
    canvas.paint(canvas.ellipse(0.0, 0.02, 0.058, 0.065), AIR)
    canvas.paint(canvas.ellipse(0.05, 0.15, 0.04), MUSCLE)


def _hilum(canvas: Canvas, blood: float) -> None:
    _vessel(canvas, canvas.ellipse(-0.07, -0.17, 0.125), blood)
    _vessel(canvas, canvas.ellipse(0.17, 0.27, 0.088), blood)
    _vessel(canvas, canvas.ellipse(-0.2, -0.07, 0.055), blood)
    trunk = canvas.tube([(0.1, -0.24), (0.1, -0.12), (0.08, -0.04)], 0.19, 0.17)
    right = canvas.tube([(0.08, -0.06), (-0.05, 0.0), (-0.18, 0.04), (-0.3, 0.07)], 0.14, 0.11)
    left = canvas.tube([(0.1, -0.1), (0.2, -0.02), (0.29, 0.1)], 0.15, 0.11)
    _vessel(canvas, union([trunk, right, left]), blood)
    for x in (-0.1, 0.1):
        canvas.paint(canvas.ellipse(x, 0.15, 0.058, 0.05), 10)
        canvas.paint(canvas.ellipse(x, 0.15, 0.048, 0.04), AIR)
    canvas.paint(canvas.ellipse(0.03, 0.23, 0.038), MUSCLE)


def _lower(canvas: Canvas, blood: float) -> None:
    heart = canvas.polygon([(-0.22, -0.2), (-0.05, -0.38), (0.22, -0.42), (0.42, -0.28), (0.5, -0.05), (0.4, 0.12),
                            (0.15, 0.2), (-0.1, 0.18), (-0.23, 0.02)])  # fmt: skip
    canvas.paint(heart, MUSCLE + (blood - 45) * 0.35)
    chambers = [
        canvas.ellipse(-0.11, -0.07, 0.1, 0.13), canvas.ellipse(0.12, -0.25, 0.17, 0.09, angle=12),
        canvas.ellipse(0.3, -0.07, 0.14, 0.095, angle=38), canvas.ellipse(0.06, 0.1, 0.14, 0.065),
    ]  # fmt: skip
    _vessel(canvas, union(chambers), blood)
    _vessel(canvas, canvas.ellipse(0.17, 0.31, 0.08), blood)
    canvas.paint(canvas.ellipse(0.06, 0.24, 0.038), MUSCLE)


def finish(canvas: Canvas, *, window: str = "lung") -> Array:
    canvas.blur(0.55)
    canvas.grain({"lung": 26, "narrow": 7}.get(window, 11))
    return canvas.windowed(*WINDOWS[window])
