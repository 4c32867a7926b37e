"""A square picture in coordinates from -1 to 1 (x to the right, y down) and the soft shapes painted on it."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Array = npt.NDArray[np.float64]
Point = Sequence[float] | Array
Points = Sequence[Point] | Array
Painter = Callable[[ImageDraw.ImageDraw, list[tuple[float, float]]], object]
SUPERSAMPLE = 3


def gaussian_blur(pixels: Array, sigma: float) -> Array:
    if sigma <= 0:
        return pixels
    radius = max(1, int(3 * sigma + 0.5))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if each == axis else (0, 0) for each in (0, 1)]
        padded = np.pad(pixels, padding, mode="edge")
        length = pixels.shape[axis]
        pixels = sum(
            (tap * np.take(padded, np.arange(i, i + length), axis=axis) for i, tap in enumerate(taps)),
            np.zeros_like(pixels),
        )
    return pixels


def spline(points: Points, closed: bool, steps: int = 12) -> list[tuple[float, float]]:
    """A Catmull-Rom curve through the points."""
    knots = np.asarray(points, dtype=float)[:, :2]
    count = len(knots)
    if count < 3:
        return [(float(x), float(y)) for x, y in knots]

    def at(index: int) -> Array:
        return knots[index % count] if closed else knots[min(max(index, 0), count - 1)]

    curve: list[tuple[float, float]] = []
    for i in range(count if closed else count - 1):
        a, b, c, d = at(i - 1), at(i), at(i + 1), at(i + 2)
        for t in np.arange(steps) / steps:
            point = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            curve.append((float(point[0]), float(point[1])))
    if not closed:
        curve.append((float(knots[-1][0]), float(knots[-1][1])))
    return curve


class Canvas:
    def __init__(self, size: int, seed: int, background: float = 0.0) -> None:
        self.size = size
        self.seed = seed
        axis = (np.arange(size) + 0.5) / size * 2 - 1
        self.x: Array
        self.y: Array
        self.x, self.y = np.meshgrid(axis, axis)
        self.pixels: Array = np.full((size, size), background, dtype=float)
        self.areas: dict[str, Array] = {}

    def random(self, name: str) -> np.random.Generator:
        """Each use has its own stream, so a lesion never changes the noise of the anatomy around it."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    # Masks: 1 inside, 0 outside, a soft edge between; `edge` is its width in pixels.

    def ellipse(
        self, cx: float, cy: float, rx: float, ry: float | None = None, *, angle: float = 0.0, edge: float = 1.5
    ) -> Array:
        ry = rx if ry is None else ry
        turn = np.deg2rad(angle)
        u = (self.x - cx) * np.cos(turn) + (self.y - cy) * np.sin(turn)
        v = -(self.x - cx) * np.sin(turn) + (self.y - cy) * np.cos(turn)
        distance = (np.sqrt((u / rx) ** 2 + (v / ry) ** 2) - 1) * min(rx, ry)
        return np.clip(0.5 - distance * self.size / 2 / max(edge, 0.5), 0, 1)

    def ring(self, cx: float, cy: float, rx: float, ry: float, thickness: float, *, angle: float = 0.0) -> Array:
        outer = self.ellipse(cx, cy, rx, ry, angle=angle)
        return outer * (1 - self.ellipse(cx, cy, rx - thickness, ry - thickness, angle=angle))

    def blob(
        self, cx: float, cy: float, r: float, *, lobes: float = 0.15, stretch: float = 1.0, angle: float = 0.0,
        name: str = "blob", edge: float = 1.5,
    ) -> Array:  # fmt: skip
        """A rounded shape whose outline wavers by `lobes` of its radius."""
        waves = self.random(f"{name}{cx}{cy}{r}")
        turn = np.deg2rad(angle)
        u = (self.x - cx) * np.cos(turn) + (self.y - cy) * np.sin(turn)
        v = (-(self.x - cx) * np.sin(turn) + (self.y - cy) * np.cos(turn)) / stretch
        theta = np.arctan2(v, u)
        outline = np.ones_like(theta)
        for k in range(2, 8):
            outline += lobes * waves.normal() / k**0.7 * np.cos(k * theta + waves.uniform(0, 2 * np.pi))
        distance = np.sqrt(u**2 + v**2) - r * np.clip(outline, 0.4, 1.8)
        return np.clip(0.5 - distance * self.size / 2 / max(edge, 0.5), 0, 1)

    def polygon(self, points: Points, *, smooth: bool = True, edge: float = 1.0) -> Array:
        outline = spline(points, closed=True) if smooth else [(float(p[0]), float(p[1])) for p in points]
        return self._drawn(outline, 0.0, edge, lambda draw, dots: draw.polygon(dots, fill=255))

    def tube(self, points: Points, width: float, end_width: float | None = None, *, edge: float = 1.0) -> Array:
        """A curved band through the points, tapering from `width` to `end_width`."""
        curve = spline(points, closed=False)
        scale = self.size * SUPERSAMPLE / 2
        widths = np.linspace(width, width if end_width is None else end_width, len(curve)) * scale

        def paint(draw: ImageDraw.ImageDraw, dots: list[tuple[float, float]]) -> None:
            for ends, thick in zip(pairwise(dots), widths, strict=False):
                draw.line(ends, fill=255, width=max(1, round(thick)))
            for (x, y), thick in zip(dots, widths, strict=True):
                if thick >= 2:
                    draw.ellipse([x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2], fill=255)

        return self._drawn(curve, max(width, end_width or 0.0), edge, paint)

    def _drawn(self, outline: list[tuple[float, float]], width: float, edge: float, paint: Painter) -> Array:
        """Draws only the part of the picture that the outline reaches, SUPERSAMPLE times larger."""
        mask = np.zeros((self.size, self.size))
        dots = (np.asarray(outline) + 1) * self.size / 2
        spare = width * self.size / 4 + 2 * edge + 3
        left, top = np.clip(np.floor(dots.min(axis=0) - spare).astype(int), 0, self.size)
        right, bottom = np.clip(np.ceil(dots.max(axis=0) + spare).astype(int), 0, self.size)
        if right <= left or bottom <= top:
            return mask
        image = Image.new("L", ((right - left) * SUPERSAMPLE, (bottom - top) * SUPERSAMPLE), 0)
        paint(ImageDraw.Draw(image), [(float(x - left) * SUPERSAMPLE, float(y - top) * SUPERSAMPLE) for x, y in dots])
        drawn = np.asarray(image, dtype=float) / 255
        small = drawn.reshape(bottom - top, SUPERSAMPLE, right - left, SUPERSAMPLE).mean(axis=(1, 3))
        mask[top:bottom, left:right] = gaussian_blur(small, edge / 2.4)
        return mask

    def cloud(self, scale: float, name: str) -> Array:
        """Smooth noise of unit variance; `scale` is the size of its patches."""
        cells = max(3, round(2 / scale) + 3)
        grid = self.random(name).normal(size=(cells, cells)).astype(np.float32)
        image = Image.fromarray(grid).resize((self.size, self.size), Image.Resampling.BICUBIC)
        pixels = np.asarray(image, dtype=float)
        return (pixels - pixels.mean()) / (pixels.std() + 1e-9)

    # Painting

    def paint(self, mask: Array, value: float | Array, alpha: float = 1.0) -> None:
        cover = mask * alpha
        self.pixels = self.pixels * (1 - cover) + value * cover

    def add(self, mask: Array, value: float | Array) -> None:
        self.pixels = self.pixels + mask * value

    def blur(self, sigma: float) -> None:
        self.pixels = gaussian_blur(self.pixels, sigma)

    def grain(self, sigma: float, correlation: float = 0.7, name: str = "noise") -> None:
        noise = gaussian_blur(self.random(name).normal(size=self.pixels.shape), correlation)
        self.pixels = self.pixels + noise / (noise.std() + 1e-9) * sigma

    def warp(self, dx: Array, dy: Array) -> None:
        """Moves what is shown at (x - dx, y - dy) to (x, y)."""
        scale = self.size / 2
        column = np.clip((self.x - dx + 1) * scale - 0.5, 0, self.size - 1.001)
        row = np.clip((self.y - dy + 1) * scale - 0.5, 0, self.size - 1.001)
        left, top = column.astype(int), row.astype(int)
        fx, fy = column - left, row - top

        def sample(pixels: Array) -> Array:
            upper = pixels[top, left] * (1 - fx) + pixels[top, left + 1] * fx
            lower = pixels[top + 1, left] * (1 - fx) + pixels[top + 1, left + 1] * fx
            return upper * (1 - fy) + lower * fy

        self.pixels = sample(self.pixels)
        self.areas = {name: sample(area) for name, area in self.areas.items()}

    def windowed(self, center: float, width: float) -> Array:
        return np.clip((self.pixels - (center - width / 2)) / width, 0, 1)


def union(masks: Iterable[Array]) -> Array:
    result: Array | None = None
    for mask in masks:
        result = mask if result is None else np.maximum(result, mask)
    if result is None:
        raise ValueError("union: no masks")
    return result
