"""Axial section of a limb: CT in Hounsfield units, MR in brightness from 0 to 1; and what can be wrong on it."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union

LOOKS: dict[str, dict[str, float]] = {
    "ct": {"air": -1000, "skin": 30, "fat": -100, "muscle": 55, "cortex": 1250, "marrow": -40, "spongy": 180,
           "fluid": 12,
           "vessel": 45},
    "t1": {"air": 0.0, "skin": 0.4, "fat": 0.9, "muscle": 0.3, "cortex": 0.03, "marrow": 0.82, "spongy": 0.75,
           "fluid": 0.18,
           "vessel": 0.08},
    "t2fs": {"air": 0.0, "skin": 0.25, "fat": 0.14, "muscle": 0.24, "cortex": 0.03, "marrow": 0.15, "spongy": 0.2,
             "fluid": 0.97, "vessel": 0.55},
}  # fmt: skip
PARTS = ("thigh", "leg", "knee")


def anatomy(canvas: Canvas, *, look: str = "t2fs", part: str = "thigh", side: str = "right") -> None:
    if look not in LOOKS or part not in PARTS:
        raise ValueError(f"limb: look {look!r}, part {part!r}; looks {', '.join(LOOKS)}; parts {', '.join(PARTS)}")
    tone = LOOKS[look]
    canvas.areas["look_" + look] = np.ones_like(canvas.pixels)
    m = 1 if side == "right" else -1
    canvas.pixels[:] = tone["air"]
    canvas.paint(canvas.ellipse(0, 0, 0.86, 0.84), tone["skin"])
    canvas.paint(canvas.ellipse(0, 0, 0.84, 0.82), tone["fat"])
    flesh = canvas.ellipse(0, 0.01, 0.74, 0.72) if part != "knee" else canvas.ellipse(0, 0.1, 0.78, 0.72)
    canvas.areas["flesh"] = flesh
    if part == "knee":
        _knee(canvas, tone, m)
        return
    canvas.paint(flesh, tone["muscle"])
    _fascia(canvas, tone, flesh)
    if part == "thigh":
        _bone(canvas, tone, 0.0, -0.08, 0.2, 0.06)
    else:
        _bone(canvas, tone, 0.14 * m, -0.28, 0.24, 0.075)
        _bone(canvas, tone, -0.4 * m, -0.02, 0.09, 0.035)
    for x, y in ((0.22 * m, 0.2), (0.3 * m, 0.16)):
        canvas.paint(canvas.ellipse(x, y, 0.04), tone["vessel"])


def _fascia(canvas: Canvas, tone: dict[str, float], flesh: Array) -> None:
    where = canvas.random("fascia")
    for angle in np.arange(7) / 7 * 2 * np.pi + where.normal(0, 0.12, 7):
        ends = [(0.3 * np.cos(angle), -0.05 + 0.3 * np.sin(angle)),
                (0.55 * np.cos(angle + 0.12), 0.53 * np.sin(angle + 0.12)),
                (0.76 * np.cos(angle + 0.1), 0.74 * np.sin(angle + 0.1))]  # fmt: skip
        canvas.paint(canvas.tube(ends, 0.022) * flesh, tone["fat"], 0.8)


def _bone(canvas: Canvas, tone: dict[str, float], x: float, y: float, r: float, cortex: float) -> None:
    outer = canvas.ellipse(x, y, r, r * 1.05)
    canvas.paint(outer, tone["cortex"])
    canvas.paint(canvas.ellipse(x, y, r - cortex, r * 1.05 - cortex), tone["marrow"])
    canvas.areas["bone"] = np.maximum(canvas.areas.get("bone", np.zeros_like(outer)), outer)


def _knee(canvas: Canvas, tone: dict[str, float], m: int) -> None:
    """Through the femoral condyles: patella in front, popliteal fossa behind."""
    outline = canvas.polygon([(-0.62, -0.2), (-0.4, -0.42), (-0.1, -0.36), (0, -0.3), (0.1, -0.36), (0.4, -0.42),
                              (0.62, -0.2),
                              (0.6, 0.12), (0.42, 0.3), (0.2, 0.24), (0, 0.06), (-0.2, 0.24), (-0.42, 0.3),
                              (-0.6, 0.12)])  # fmt: skip
    canvas.paint(outline, tone["cortex"])
    inner = np.clip((gaussian_blur(outline, 3) - 0.72) * 8, 0, 1)
    canvas.paint(inner, tone["spongy"])
    canvas.areas["bone"] = outline
    canvas.paint(canvas.ellipse(0, -0.56, 0.26, 0.11), tone["cortex"])
    canvas.paint(canvas.ellipse(0, -0.56, 0.23, 0.085), tone["spongy"])
    for x, y, rx, ry, angle in ((0.5, 0.52, 0.1, 0.075, 20), (0.28, 0.46, 0.16, 0.1, -10), (-0.28, 0.47, 0.16, 0.1, 12),
                                (-0.5, 0.44, 0.11, 0.08, -25), (0.58, 0.36, 0.07, 0.09, 10)):  # fmt: skip
        canvas.paint(canvas.ellipse(m * x, y, rx, ry, angle=m * angle), tone["muscle"])
    for x, y in ((-0.02, 0.44), (0.03, 0.36)):
        canvas.paint(canvas.ellipse(x, y, 0.045), tone["vessel"])


def level_cyst(
    canvas: Canvas,
    *,
    x: float,
    y: float,
    r: float,
    top: float,
    bottom: float,
    wall: float,
    rooms: int = 5,
    stretch: float = 1.0,
) -> None:
    """A multilocular blown-out cavity; in every room fluid lies over a sediment with a flat surface."""
    mask = canvas.blob(x, y, r, lobes=0.06, stretch=stretch, name="level cyst")
    canvas.paint(mask, wall)
    inner = canvas.blob(x, y, r - 0.025, lobes=0.06, stretch=stretch, name="level cyst")
    where = canvas.random("rooms")
    turns = np.arange(rooms) / rooms * 2 * np.pi + where.normal(0, 0.2, rooms)
    seeds = [(x, y)] + [(x + 0.62 * r * np.cos(a), y + 0.62 * r * stretch * np.sin(a)) for a in turns]
    distances = np.array([np.hypot(canvas.x - u, canvas.y - v) for u, v in seeds])
    nearest = distances.argmin(axis=0)
    two = np.sort(distances, axis=0)[:2]
    apart = np.clip((two[1] - two[0]) * canvas.size / 2 / 3 - 0.3, 0, 1)
    for i, (_, v) in enumerate(seeds):
        surface = v + where.uniform(-0.12, 0.12) * r
        low = np.clip((canvas.y - surface) * canvas.size / 2, 0, 1)
        canvas.paint(inner * apart * (nearest == i), top * (1 - low) + bottom * low)


def cortical_nidus(
    canvas: Canvas,
    *,
    x: float,
    y: float,
    r: float = 0.055,
    thick: float = 0.12,
    lucent: float = 60.0,
    dense: float = 1300.0,
) -> None:
    canvas.paint(canvas.ellipse(x, y, thick * 1.6, thick), dense)
    canvas.paint(canvas.ellipse(x, y, r), lucent)
    canvas.paint(canvas.ellipse(x, y, r * 0.38), dense * 0.75)


def marrow_change(canvas: Canvas, *, x: float, y: float, r: float, value: float) -> None:
    canvas.paint(canvas.ellipse(x, y, r, edge=5) * canvas.areas["bone"], value)


def halo(canvas: Canvas, *, x: float, y: float, r: float, value: float, alpha: float = 0.7) -> None:
    """Change in the tissue around a bone."""
    mask = canvas.ellipse(x, y, r, edge=26) * (1 - canvas.areas["bone"]) * canvas.areas["flesh"]
    canvas.paint(mask, value, alpha)


def cortical_line(canvas: Canvas, *, points: list[list[float]], value: float, width: float = 0.02) -> None:
    canvas.paint(canvas.tube(points, width) * canvas.areas["bone"], value)


def solid(canvas: Canvas, *, x: float, y: float, r: float, value: float, stretch: float = 1.0) -> None:
    mask = canvas.blob(x, y, r, lobes=0.12, stretch=stretch, name="solid", edge=3)
    canvas.paint(mask * (canvas.areas["flesh"] > 0.1), value * (1 + 0.1 * canvas.cloud(0.06, "solid")))


def necked_cyst(canvas: Canvas, *, side: str, r: float, value: float, septum: bool = False) -> None:
    """Fluid behind the medial condyle with a neck between two tendons."""
    m = 1 if side == "right" else -1
    body = canvas.blob(m * 0.52, 0.56, r, lobes=0.08, stretch=0.75, name="necked")
    neck = canvas.tube([(m * 0.36, 0.3), (m * 0.42, 0.4), (m * 0.46, 0.5)], 0.05, 0.07)
    canvas.paint(union([body, neck]), value)
    if septum:
        line = canvas.tube([(m * 0.42, 0.62), (m * 0.54, 0.54), (m * 0.66, 0.58)], 0.014)
        canvas.paint(line * body, value * 0.35)


LESIONS = {
    "level_cyst": level_cyst, "cortical_nidus": cortical_nidus, "marrow_change": marrow_change, "halo": halo,
    "cortical_line": cortical_line, "solid": solid, "necked_cyst": necked_cyst,
}  # fmt: skip


def finish(canvas: Canvas, *, window: str = "bone") -> Array:
    canvas.blur(0.7)
    if "look_ct" in canvas.areas:
        canvas.grain(22)
        return canvas.windowed(*{"bone": (400.0, 1900.0), "soft": (50.0, 400.0)}[window])
    canvas.grain(0.015, 0.6)
    return np.clip(canvas.pixels, 0, 1)
