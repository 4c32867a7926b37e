"""What can be wrong on the bone radiograph phantoms."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union


def _bone(canvas: Canvas) -> Array:
    return canvas.areas["bone"]


def moth_eaten(
    canvas: Canvas, *, x: float, y: float, rx: float, ry: float, count: int = 60, depth: float = 0.24, fade: bool = True
) -> None:
    """Many small holes with a wide zone of transition."""
    where = canvas.random(f"holes{x}{y}")
    holes = []
    for _ in range(count):
        u, v = where.normal(0, 0.42, 2)
        holes.append(canvas.blob(x + u * rx, y + v * ry, where.uniform(0.008, 0.028), lobes=0.3, name="hole", edge=2))
    canvas.add(union(holes) * _bone(canvas), -depth)
    if fade:
        canvas.add(canvas.ellipse(x, y, rx, ry, edge=28) * _bone(canvas), -depth * 0.35)


def cloud(
    canvas: Canvas, *, x: float, y: float, rx: float, ry: float, density: float = 0.3, angle: float = 0.0
) -> None:
    """Fluffy bone-forming matrix, inside the bone and beyond it."""
    mask = canvas.ellipse(x, y, rx, ry, angle=angle, edge=22)
    puffs = np.clip(0.55 + 0.5 * canvas.cloud(0.055, "matrix"), 0, 1.3)
    canvas.add(mask * puffs, density)


def sunburst(
    canvas: Canvas, *, x: float, y: float, length: float, spread: float = 70.0, facing: float = 180.0,
    base: float = 0.3,
    count: int = 22,
) -> None:  # fmt: skip
    """Spicules that stand out from the cortex; `base` is the stretch of cortex they stand on."""
    rays = canvas.random("rays")
    lines = []
    for part in np.linspace(-0.5, 0.5, count):
        angle = np.deg2rad(facing + part * spread + rays.normal(0, 3))
        foot = np.array([x, y + part * base * (1 if facing > 90 else -1) * -1])
        tip = foot + length * rays.uniform(0.65, 1.1) * (1 - 0.9 * part**2) * np.array([np.cos(angle), np.sin(angle)])
        lines.append(canvas.tube([foot, tip], 0.016, 0.006))
    canvas.add(union(lines), 0.34)
    lump = canvas.ellipse(x + length * 0.5 * np.cos(np.deg2rad(facing)), y, length * 0.85, base * 0.75, edge=14)
    canvas.add(lump * (1 - _bone(canvas)), 0.1)


def raised_edge(canvas: Canvas, *, x: float, y: float, height: float, length: float, facing: int) -> None:
    """A triangle of lifted periosteum (facing 1 to the right, -1 to the left; negative length points up)."""
    corner = [(x, y), (x + facing * height, y + length), (x, y + length * 0.95)]
    canvas.add(canvas.polygon(corner, smooth=False), 0.32)


def onion(
    canvas: Canvas,
    *,
    x: float,
    y: float,
    length: float,
    facing: int,
    layers: int = 3,
    gap: float = 0.03,
    bow: float = 0.05,
) -> None:
    """Thin parallel layers of new bone along the cortex."""
    for layer in range(layers):
        out = facing * (gap * (layer + 1))
        half = length / 2 * (1 - 0.12 * layer)
        curve = [(x + out * 0.35, y - half), (x + out + facing * bow * 0.3, y - half * 0.5),
                 (x + out + facing * bow * 0.5, y),
                 (x + out + facing * bow * 0.3, y + half * 0.5), (x + out * 0.35, y + half)]  # fmt: skip
        canvas.add(canvas.tube(curve, 0.013), 0.3)


def soft_lump(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, density: float = 0.1) -> None:
    canvas.add(canvas.ellipse(x, y, rx, ry, edge=16) * (1 - _bone(canvas)), density)


def lytic(
    canvas: Canvas, *, x: float, y: float, rx: float, ry: float, rim: float = 0.0, septa: int = 0, depth: float = 0.27,
    angle: float = 0.0,
) -> None:  # fmt: skip
    """A hole with a sharp border; `rim` is the brightness of a sclerotic edge."""
    mask = canvas.ellipse(x, y, rx, ry, angle=angle, edge=3)
    canvas.paint(mask * _bone(canvas), np.minimum(canvas.pixels, 0.56 - depth), 0.9)
    if rim:
        edge = np.clip(canvas.ellipse(x, y, rx + 0.02, ry + 0.02, angle=angle) - mask, 0, 1)
        canvas.add(edge * _bone(canvas), rim)
    _septa(canvas, x, y, rx, ry, septa, 0.1)


def _septa(canvas: Canvas, x: float, y: float, rx: float, ry: float, count: int, bright: float) -> None:
    where = canvas.random(f"septa{x}")
    inside = canvas.ellipse(x, y, rx, ry)
    for _ in range(count):
        start = where.uniform(0, 2 * np.pi)
        end = start + where.uniform(0.9, 2.2)
        bow = where.uniform(0.25, 0.75)
        middle = (start + end) / 2
        ends = [(x + rx * np.cos(start), y + ry * np.sin(start)),
                (x + rx * bow * np.cos(middle), y + ry * bow * np.sin(middle)),
                (x + rx * np.cos(end), y + ry * np.sin(end))]  # fmt: skip
        canvas.add(canvas.tube(ends, 0.012) * inside, bright)


def expansile(
    canvas: Canvas, *, x: float, y: float, rx: float, ry: float, septa: int = 8, fill: float = 0.33, shell: float = 0.68
) -> None:
    """A blown-out cavity in a thin shell of bone."""
    mask = canvas.blob(x, y, rx, lobes=0.05, stretch=ry / rx, name="balloon")
    canvas.paint(mask, fill + 0.015 * canvas.cloud(0.05, "balloon"), 0.92)
    inner = canvas.blob(x, y, rx - 0.02, lobes=0.05, stretch=ry / rx, name="balloon")
    canvas.paint(np.clip(mask - inner, 0, 1), shell, 0.9)
    _septa(canvas, x, y, rx * 0.95, ry * 0.95, septa, 0.17)


def nidus(
    canvas: Canvas, *, x: float, y: float, r: float = 0.035, thick: float = 0.1, length: float = 0.6, facing: int = 1,
    centre: bool = True,
) -> None:  # fmt: skip
    """A small lucency in fusiform, dense thickening of the cortex."""
    bulge = canvas.ellipse(x + facing * thick * 0.1, y, thick, length / 2, edge=7)
    canvas.paint(bulge, 0.93, 0.85)
    canvas.paint(canvas.ellipse(x, y, r, r * 1.15), 0.42)
    if centre:
        canvas.paint(canvas.ellipse(x, y, r * 0.42), 0.88)


def fracture_line(
    canvas: Canvas, *, points: list[list[float]], width: float = 0.014, sclerosis: float = 0.16, dark: float = 0.24
) -> None:
    """A thin dark line in a band of increased density."""
    canvas.add(gaussian_blur(canvas.tube(points, width * 6), 3) * _bone(canvas), sclerosis)
    canvas.add(canvas.tube(points, width) * _bone(canvas), -dark - sclerosis)


def callus(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, density: float = 0.2) -> None:
    mask = canvas.ellipse(x, y, rx, ry, edge=9)
    canvas.add(mask * (1 - 0.75 * _bone(canvas)), density)


def erosion(
    canvas: Canvas, *, x: float, y: float, r: float, hook: float | None = None, lump: float = 0.0, rim: bool = True
) -> None:
    """A bite out of a bone beside a joint; `hook` is the direction in degrees of an overhanging edge."""
    if lump:
        canvas.add(canvas.ellipse(x, y, lump, lump * 1.1, edge=12) * (1 - 0.6 * _bone(canvas)), 0.17)
    bite = canvas.blob(x, y, r, lobes=0.08, name="erosion")
    canvas.paint(bite * _bone(canvas), 0.33, 0.95)
    if rim:
        edge = np.clip(canvas.blob(x, y, r + 0.014, lobes=0.08, name="erosion") - bite, 0, 1)
        canvas.add(edge * _bone(canvas), 0.2)
    if hook is not None:
        for sign in (-1, 1):
            a = np.deg2rad(hook + sign * 62)
            b = np.deg2rad(hook + sign * 22)
            start = (x + r * 1.05 * np.cos(a), y + r * 1.05 * np.sin(a))
            tip = (x + r * 1.3 * np.cos(b), y + r * 1.3 * np.sin(b))
            canvas.paint(canvas.tube([start, tip], 0.022, 0.008), 0.8)


def cup(canvas: Canvas, *, x: float, y: float, r: float, angle: float) -> None:
    """The end of one bone whittled to a point in the hollowed base of the next; `angle` points distally."""
    turn = np.deg2rad(angle)
    ahead = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([-ahead[1], ahead[0]])
    here = np.array([x, y])
    for sign in (-1, 1):
        shave = [here + sign * across * r * 1.6 - ahead * r * 2.0, here + sign * across * r * 0.35 + ahead * r * 0.5,
                 here + sign * across * r * 1.6 + ahead * r * 0.5]  # fmt: skip
        canvas.paint(canvas.polygon([tuple(p) for p in shave], smooth=False), 0.25, 0.97)
    hollow = here + ahead * r * 0.75
    canvas.paint(canvas.ellipse(hollow[0], hollow[1], r * 0.75), 0.27)
    rim = [tuple(hollow + across * r * 1.25 - ahead * r * 0.2), tuple(hollow + ahead * r * 0.95),
           tuple(hollow - across * r * 1.25 - ahead * r * 0.2)]  # fmt: skip
    canvas.paint(canvas.tube(rim, 0.026), 0.84)
    tip = [tuple(here - ahead * r * 1.6), tuple(here + ahead * r * 0.7)]
    canvas.paint(canvas.tube(tip, r * 1.0, r * 0.3), 0.72)


def fluffy(canvas: Canvas, *, places: list[list[float]], density: float = 0.22) -> None:
    """Ill-defined new bone on the surface; each place is x, y, rx, ry, angle."""
    for x, y, rx, ry, angle in places:
        puffs = np.clip(0.7 + 0.5 * canvas.cloud(0.02, "fluff"), 0, 1.3)
        canvas.add(canvas.ellipse(x, y, rx, ry, angle=angle, edge=6) * (1 - 0.5 * _bone(canvas)) * puffs, density)


def sausage(canvas: Canvas, *, points: list[list[float]], width: float, density: float = 0.1) -> None:
    """Soft-tissue swelling of a whole digit."""
    canvas.add(gaussian_blur(canvas.tube(points, width), 3) * (1 - 0.4 * _bone(canvas)), density)


def dead_piece(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> None:
    """A dense fragment in a lucent bed with thickened bone around it."""
    bed = canvas.ellipse(x, y, rx * 2.6, ry * 1.45, angle=angle, edge=4)
    canvas.paint(bed * _bone(canvas), 0.36, 0.85)
    canvas.paint(canvas.ellipse(x, y, rx, ry, angle=angle), 0.9)


LESIONS = {
    "moth_eaten": moth_eaten, "cloud": cloud, "sunburst": sunburst, "raised_edge": raised_edge, "onion": onion,
    "soft_lump": soft_lump, "lytic": lytic, "expansile": expansile, "nidus": nidus, "fracture_line": fracture_line,
    "callus": callus, "erosion": erosion, "cup": cup, "fluffy": fluffy, "sausage": sausage, "dead_piece": dead_piece,
}  # fmt: skip
