"""Ultrasound of the leg: echoes of layered tissue in speckle; and what can be wrong on it."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union

VIEWS = ("groin", "groin_long", "knee_hollow")
LEFT, RIGHT, TOP, BOTTOM = -0.82, 0.82, -0.86, 0.88


def anatomy(canvas: Canvas, *, view: str = "groin", compressed: bool = False) -> None:
    """Echo strength from 0 (fluid) to 1. A healthy vein is flattened when `compressed`."""
    if view not in VIEWS:
        raise ValueError(f"ultrasound: no view {view!r}; choose one of {', '.join(VIEWS)}")
    canvas.pixels[:] = 0.34
    canvas.paint((canvas.y < -0.78).astype(float), 0.62)
    fat = (canvas.y >= -0.78) & (canvas.y < -0.52 + 0.03 * canvas.cloud(0.5, "fat"))
    canvas.paint(fat.astype(float), 0.3)
    for depth in (-0.7, -0.6, -0.52):
        canvas.paint(canvas.tube(_wave(canvas, depth), 0.014), 0.66, 0.8)
    {"groin": _groin, "groin_long": _long, "knee_hollow": _hollow}[view](canvas, compressed)
    canvas.areas["compressed"] = np.full_like(canvas.pixels, float(compressed))


def _wave(canvas: Canvas, depth: float, tilt: float = 0.0) -> list[tuple[float, float]]:
    bend = canvas.random(f"wave{depth}").normal(0, 0.015, 7)
    return [(x, depth + tilt * x + b) for x, b in zip(np.linspace(-0.95, 0.95, 7), bend, strict=True)]


def _muscle(canvas: Canvas, top: float) -> None:
    for depth in np.arange(top, 0.9, 0.1):
        canvas.paint(canvas.tube(_wave(canvas, depth, 0.06), 0.011), 0.52, 0.55)


def _vessel(canvas: Canvas, x: float, y: float, rx: float, ry: float, *, wall: float = 0.75) -> None:
    canvas.paint(canvas.ellipse(x, y, rx + 0.02, ry + 0.02), wall)
    canvas.paint(canvas.ellipse(x, y, rx, ry), 0.03)
    behind = np.clip((canvas.y - y) * 6, 0, 1) * np.exp(-(((canvas.x - x) / (rx * 0.9)) ** 2))
    canvas.add(behind * (canvas.y > y + ry), 0.1)


def _groin(canvas: Canvas, compressed: bool) -> None:
    _muscle(canvas, -0.42)
    canvas.paint(canvas.tube([(-0.95, -0.32), (-0.4, -0.36), (0.0, -0.33), (0.95, -0.4)], 0.03), 0.72)
    squeeze = 0.1 if compressed else 0.0
    canvas.areas["artery"] = canvas.ellipse(0.22, -0.12 - squeeze, 0.13, 0.13)
    _vessel(canvas, 0.22, -0.12 - squeeze, 0.13, 0.13)
    if compressed:
        canvas.paint(canvas.ellipse(-0.17, -0.14, 0.17, 0.025), 0.6)
        canvas.paint(canvas.ellipse(-0.17, -0.14, 0.13, 0.008), 0.05)
    else:
        _vessel(canvas, -0.17, -0.06, 0.18, 0.15, wall=0.55)
    canvas.paint(canvas.tube([(-0.95, 0.55), (-0.2, 0.5), (0.3, 0.62), (0.95, 0.55)], 0.03), 0.7)


def _long(canvas: Canvas, compressed: bool) -> None:
    _muscle(canvas, -0.4)
    for middle, width, wall in ((0.16, 0.26, 0.6), (-0.22, 0.2, 0.8)):
        line = [(-1.0, middle + 0.03), (0.0, middle), (1.0, middle - 0.04)]
        canvas.paint(canvas.tube(line, width + 0.04), wall)
        canvas.paint(canvas.tube(line, width), 0.03)


def _hollow(canvas: Canvas, compressed: bool) -> None:
    _muscle(canvas, -0.42)
    canvas.paint(canvas.ellipse(0.42, 0.02, 0.32, 0.3), 0.33)
    for i in range(6):
        canvas.paint(canvas.tube([(0.18, -0.2 + i * 0.09), (0.66, -0.17 + i * 0.09)], 0.01), 0.55, 0.7)
    canvas.paint(canvas.ellipse(-0.12, -0.02, 0.1, 0.07), 0.72)
    canvas.paint(
        canvas.tube(
            [(-0.95, 0.62), (-0.55, 0.46), (-0.2, 0.5), (0.05, 0.68), (0.3, 0.52), (0.6, 0.46), (0.95, 0.62)], 0.035
        ),
        0.95,
    )
    shadow = np.clip((canvas.y - 0.58 - 0.1 * np.abs(canvas.x)) * 6, 0, 1)
    canvas.paint(shadow, 0.08)


def clot(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, echo: float = 0.22, channel: float = 0.0) -> None:
    """Echoes inside a vein that does not flatten; `channel` is the share of the lumen left open beside it."""
    canvas.paint(canvas.ellipse(x, y, rx + 0.025, ry + 0.025), 0.6)
    canvas.paint(canvas.ellipse(x, y, rx, ry), echo + 0.05 * canvas.cloud(0.05, "clot"))
    if channel:
        canvas.paint(canvas.ellipse(x + rx * 0.6, y, rx * channel * 0.5, ry * 0.75), 0.03)


def clot_long(canvas: Canvas, *, points: list[list[float]], width: float, echo: float = 0.24) -> None:
    canvas.paint(canvas.tube(points, width, width * 0.7), echo + 0.05 * canvas.cloud(0.05, "clot"))


def cyst(
    canvas: Canvas, *, rx: float = 0.34, ry: float = 0.2, debris: bool = False, x: float = -0.35, y: float = -0.22
) -> None:
    """Fluid behind the knee with a neck that leads down between two tendons; brighter echoes behind it."""
    body = canvas.blob(x, y, rx, lobes=0.05, stretch=ry / rx, name="cyst")
    neck = canvas.tube([(x + rx * 0.4, y + ry * 0.3), (0.02, 0.12), (-0.02, 0.42)], 0.13, 0.07)
    behind = np.clip((canvas.y - y - ry * 0.8) * 8, 0, 1) * np.exp(-(((canvas.x - x) / (rx * 0.85)) ** 2))
    canvas.add(behind * (canvas.y < 0.55), 0.17)
    canvas.paint(gaussian_blur(union([body, neck]), 1), 0.02)
    canvas.paint(np.clip(4 * body * (1 - body), 0, 1), 0.7, 0.6)
    if debris:
        low = np.clip((canvas.y - y - ry * 0.1) * 9, 0, 1)
        canvas.paint(body * low, 0.17 + 0.06 * canvas.cloud(0.06, "debris"))


def tracking_fluid(canvas: Canvas, *, points: list[list[float]], width: float = 0.1) -> None:
    canvas.paint(gaussian_blur(canvas.tube(points, width, width * 0.3), 1.5), 0.05)


LESIONS = {"clot": clot, "clot_long": clot_long, "cyst": cyst, "tracking_fluid": tracking_fluid}


def finish(canvas: Canvas) -> Array:
    canvas.blur(1.0)
    echo = np.clip(canvas.pixels, 0, 1.2)
    rng = canvas.random("speckle")
    field = np.hypot(*(gaussian_blur(rng.normal(size=echo.shape), 0.9) for _ in range(2)))
    speckle = field / field.mean()
    depth = 1 - 0.22 * np.clip(canvas.y, 0, 1)
    pixels = np.clip(echo * (0.35 + 0.65 * speckle) * depth, 0, 1) ** 0.85
    frame = (canvas.x > LEFT) & (canvas.x < RIGHT) & (canvas.y > TOP) & (canvas.y < BOTTOM)
    ticks = (np.abs(canvas.x - 0.9) < 0.012) & (np.abs((canvas.y - TOP) % 0.29) < 0.012) & (canvas.y > TOP)
    return np.where(frame, pixels, np.where(ticks, 0.55, 0.02))
