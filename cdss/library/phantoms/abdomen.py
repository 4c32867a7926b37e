"""Axial abdominal CT in Hounsfield units at three levels and four contrast phases."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, union

AIR, FAT, MUSCLE, BONE = -1000.0, -105.0, 55.0, 420.0
PHASES: dict[str, dict[str, float]] = {
    "none": {"liver": 58, "spleen": 48, "cortex": 34, "medulla": 30, "aorta": 42, "vein": 40, "wall": 38},
    "arterial": {"liver": 72, "spleen": 120, "cortex": 190, "medulla": 75, "aorta": 310, "vein": 70, "wall": 75},
    "portal": {"liver": 112, "spleen": 122, "cortex": 185, "medulla": 165, "aorta": 165, "vein": 160, "wall": 80},
    "delayed": {"liver": 92, "spleen": 95, "cortex": 140, "medulla": 150, "aorta": 115, "vein": 115, "wall": 70},
}
WINDOWS = {"abdomen": (50.0, 380.0), "wide": (120.0, 700.0)}
LEVELS = ("liver", "kidneys", "iliac")


def anatomy(canvas: Canvas, *, level: str = "kidneys", phase: str = "portal", bowel: bool = True) -> None:
    """Without `bowel` the small bowel is left out: a lesion paints its own loops."""
    if level not in LEVELS or phase not in PHASES:
        raise ValueError(f"abdomen: level {level!r}, phase {phase!r}; {', '.join(LEVELS)}; {', '.join(PHASES)}")
    tone = PHASES[phase]
    canvas.pixels[:] = AIR
    canvas.paint(canvas.ellipse(0, 0, 0.93, 0.7), FAT + 4 * canvas.cloud(0.05, "fat"))
    wall = canvas.ring(0, 0.0, 0.85, 0.625, 0.05)
    canvas.paint(wall, MUSCLE)
    inside = canvas.ellipse(0, 0, 0.8, 0.575)
    canvas.areas.update(body=canvas.ellipse(0, 0, 0.93, 0.7), inside=inside)
    canvas.paint(inside, FAT + 5 * canvas.cloud(0.04, "mesentery"))
    _back(canvas, level)
    {"liver": _upper, "kidneys": _middle, "iliac": _lower}[level](canvas, tone)
    if bowel and level != "liver":
        _small_bowel(canvas, tone, level)


def _back(canvas: Canvas, level: str) -> None:
    for s in (-1, 1):
        canvas.paint(canvas.ellipse(s * 0.17, 0.53, 0.14, 0.1, angle=s * -15), MUSCLE + 5 * canvas.cloud(0.03, "back"))
        if level != "liver":
            canvas.paint(canvas.ellipse(s * 0.19, 0.29, 0.075, 0.1, angle=s * 20), MUSCLE)
            canvas.paint(canvas.ellipse(s * 0.1, -0.57, 0.1, 0.022, angle=s * 3), MUSCLE)
    if level == "iliac":
        sacrum = [(-0.27, 0.33), (0, 0.27), (0.27, 0.33), (0.2, 0.5), (0, 0.58), (-0.2, 0.5)]
        canvas.paint(canvas.polygon(sacrum), BONE)
        canvas.paint(canvas.polygon([(x * 0.85, 0.42 + (y - 0.42) * 0.8) for x, y in sacrum]), 200)
        for s in (-1, 1):
            wing = [(s * 0.3, 0.5), (s * 0.4, 0.32), (s * 0.56, 0.12), (s * 0.68, -0.08)]
            canvas.paint(canvas.tube(wing, 0.085, 0.05), BONE)
            canvas.paint(canvas.tube(wing, 0.045, 0.02), 200)
            canvas.paint(canvas.tube([(s * 0.36, 0.28), (s * 0.5, 0.1), (s * 0.6, -0.06)], 0.07, 0.03), MUSCLE)
            canvas.paint(canvas.ellipse(s * 0.5, 0.45, 0.2, 0.14, angle=s * -30) * canvas.areas["body"], MUSCLE, 0.9)
        return
    canvas.paint(canvas.ellipse(0, 0.31, 0.135, 0.105), BONE)
    canvas.paint(canvas.ellipse(0, 0.31, 0.115, 0.085), 200 + 22 * canvas.cloud(0.02, "marrow"))
    arch = canvas.polygon(
        [(-0.1, 0.39), (0.1, 0.39), (0.22, 0.44), (0.05, 0.5), (0, 0.62), (-0.05, 0.5), (-0.22, 0.44)]
    )
    canvas.paint(arch, BONE)
    canvas.paint(canvas.ellipse(0, 0.45, 0.055, 0.045), 25)
    if level == "liver":
        angles = np.arctan2(canvas.y / 0.58, canvas.x / 0.81)
        ring = canvas.ring(0, 0.0, 0.835, 0.61, 0.04)
        canvas.paint(np.clip(np.cos(angles * 9 + 1.2) * 4 - 1.6, 0, 1) * ring, BONE)


def _kidney(canvas: Canvas, tone: dict[str, float], s: int, rx: float, ry: float, y: float) -> None:
    x = s * 0.4
    outer = canvas.ellipse(x, y, rx, ry, angle=s * 12)
    canvas.areas["right_kidney" if s < 0 else "left_kidney"] = outer
    canvas.paint(outer, tone["cortex"])
    canvas.paint(canvas.ellipse(x - s * 0.01, y, rx * 0.72, ry * 0.74, angle=s * 12), tone["medulla"])
    for i in range(-2, 3):
        column = [(x, y + i * ry * 0.3), (x + s * rx * 0.85, y + i * ry * 0.38)]
        canvas.paint(canvas.tube(column, 0.014) * outer, tone["cortex"])
    canvas.paint(canvas.ellipse(x - s * rx * 0.4, y, rx * 0.5, ry * 0.38, angle=s * 12), FAT)
    canvas.paint(canvas.ellipse(x - s * rx * 0.9, y, rx * 0.3, ry * 0.22), FAT)
    canvas.paint(
        canvas.tube([(x - s * rx * 0.3, y), (x - s * rx * 0.9, y - 0.02), (s * 0.1, y - 0.08)], 0.03), tone["vein"]
    )


def _great_vessels(canvas: Canvas, tone: dict[str, float], y: float) -> None:
    canvas.areas["aorta"] = canvas.ellipse(0.05, y, 0.058)
    canvas.paint(canvas.areas["aorta"], tone["aorta"])
    canvas.paint(canvas.ellipse(-0.1, y + 0.01, 0.065, 0.05), tone["vein"])


def _colon(
    canvas: Canvas, tone: dict[str, float], x: float, y: float, rx: float, ry: float, *, gas: bool = True
) -> None:
    canvas.paint(canvas.ellipse(x, y, rx, ry), tone["wall"])
    stool = 20 + 90 * np.clip(canvas.cloud(0.03, f"stool{x}"), -2, 0.4)
    canvas.paint(canvas.ellipse(x, y, rx - 0.018, ry - 0.018), stool)
    if gas:
        canvas.paint(canvas.ellipse(x, y - ry * 0.35, rx * 0.6, ry * 0.38), AIR)


def _upper(canvas: Canvas, tone: dict[str, float]) -> None:
    liver = canvas.polygon([(-0.78, -0.02), (-0.7, -0.3), (-0.48, -0.48), (-0.15, -0.53), (0.14, -0.46), (0.24, -0.33),
                            (0.08, -0.22), (-0.06, -0.1), (-0.1, 0.04), (-0.22, 0.16), (-0.3, 0.36), (-0.5, 0.47),
                            (-0.7, 0.32)]) * canvas.areas["inside"]  # fmt: skip
    canvas.areas["liver"] = liver
    canvas.paint(liver, tone["liver"] + 3 * canvas.cloud(0.05, "liver"))
    branches = [
        canvas.tube([(-0.12, -0.02), (-0.3, -0.08), (-0.5, -0.02), (-0.66, 0.04)], 0.045, 0.01),
        canvas.tube([(-0.3, -0.08), (-0.4, -0.24), (-0.5, -0.36)], 0.03, 0.008),
        canvas.tube([(-0.12, -0.06), (-0.1, -0.22), (0.02, -0.36)], 0.032, 0.008),
        canvas.tube([(-0.4, -0.05), (-0.46, 0.14), (-0.5, 0.3)], 0.028, 0.008),
        canvas.tube([(-0.2, -0.2), (-0.28, -0.4)], 0.02, 0.006),
    ]
    venous = tone["vein"] if tone["vein"] > tone["liver"] + 12 else tone["liver"] - 16
    canvas.paint(union(branches) * liver, venous, 0.9)
    canvas.areas["spleen"] = canvas.polygon(
        [(0.5, 0.42), (0.7, 0.3), (0.76, 0.08), (0.68, -0.08), (0.58, 0.02), (0.52, 0.18)]
    )
    canvas.paint(canvas.areas["spleen"], tone["spleen"])
    stomach = canvas.polygon([(0.2, -0.32), (0.42, -0.46), (0.64, -0.32), (0.66, -0.12), (0.52, 0.02), (0.32, -0.04),
                              (0.14, -0.16)])  # fmt: skip
    canvas.paint(stomach, tone["wall"])
    inner = canvas.ellipse(0.43, -0.22, 0.19, 0.17, angle=20)
    canvas.paint(inner, 15)
    canvas.paint(inner * np.clip((-0.24 - canvas.y) * canvas.size / 3, 0, 1), AIR)
    for s in (-1, 1):
        canvas.paint(canvas.tube([(s * 0.13, 0.3), (s * 0.1, 0.2), (s * 0.06 + 0.03, 0.1)], 0.025), MUSCLE)
    _great_vessels(canvas, tone, 0.15)
    canvas.paint(canvas.ellipse(0.36, 0.3, 0.09, 0.1), tone["cortex"])
    canvas.paint(canvas.ellipse(0.35, 0.3, 0.055, 0.065), tone["medulla"])


def _middle(canvas: Canvas, tone: dict[str, float]) -> None:
    canvas.areas["liver"] = canvas.polygon([(-0.79, -0.02), (-0.72, -0.28), (-0.56, -0.38), (-0.46, -0.2),
                                            (-0.52, 0.02),
                                            (-0.62, 0.22), (-0.74, 0.2)])  # fmt: skip
    canvas.paint(canvas.areas["liver"], tone["liver"] + 3 * canvas.cloud(0.05, "liver"))
    for s in (-1, 1):
        _kidney(canvas, tone, s, 0.155, 0.19, 0.24)
    _great_vessels(canvas, tone, 0.13)
    _colon(canvas, tone, 0.66, 0.06, 0.075, 0.09)
    _colon(canvas, tone, -0.48, -0.02, 0.08, 0.085)
    canvas.paint(
        canvas.tube([(-0.22, 0.02), (-0.05, -0.04), (0.12, -0.06), (0.3, -0.02)], 0.085, 0.06), tone["wall"] + 25
    )


def _lower(canvas: Canvas, tone: dict[str, float]) -> None:
    for s in (-1, 1):
        canvas.paint(canvas.ellipse(s * 0.2, 0.16, 0.04), tone["aorta"])
        canvas.paint(canvas.ellipse(s * 0.22, 0.23, 0.045, 0.035), tone["vein"])
    _colon(canvas, tone, -0.5, -0.12, 0.12, 0.13)
    _colon(canvas, tone, 0.56, -0.02, 0.065, 0.075, gas=False)


def loop(canvas: Canvas, x: float, y: float, r: float, wall: float, content: float, angle: float = 0.0) -> None:
    canvas.paint(canvas.ellipse(x, y, r, r * 0.8, angle=angle), wall)
    canvas.paint(canvas.ellipse(x, y, r - 0.016, r * 0.8 - 0.016, angle=angle), content)


def _small_bowel(canvas: Canvas, tone: dict[str, float], level: str) -> None:
    where = canvas.random("bowel")
    spots = [(-0.3, -0.3), (-0.14, -0.4), (0.04, -0.3), (0.2, -0.42), (0.32, -0.28), (0.46, -0.38), (0.48, -0.16),
             (-0.18, -0.2), (0.22, -0.17), (0.02, -0.47), (-0.32, -0.44)]  # fmt: skip
    if level == "iliac":
        spots = [(x * 0.9, y + 0.05) for x, y in spots] + [(0.1, 0.0), (0.3, -0.02), (-0.12, -0.05), (-0.02, 0.12)]
    for x, y in spots:
        if level == "iliac" and x < -0.25:
            continue
        r = where.uniform(0.055, 0.075)
        loop(
            canvas,
            x + where.normal(0, 0.01),
            y + where.normal(0, 0.01),
            r,
            tone["wall"] + 20,
            18,
            where.uniform(0, 180),
        )
        if where.uniform() < 0.3:
            canvas.paint(canvas.ellipse(x, y - r * 0.3, r * 0.45, r * 0.25), AIR)


def finish(canvas: Canvas, *, window: str = "abdomen") -> Array:
    canvas.blur(0.7)
    canvas.grain(9.5, 0.8)
    return canvas.windowed(*WINDOWS[window])
