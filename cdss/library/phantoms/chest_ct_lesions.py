"""What can be wrong on the axial chest CT phantom."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union
from cdss.library.phantoms.chest_ct import AIR

NODULE_TEXTURES = ("plain", "popcorn", "fat", "mixed", "central")


def _outline(canvas: Canvas, x: float, y: float, r: float, margin: str) -> Array:
    lobes = {"smooth": 0.03, "lobulated": 0.13, "spiculated": 0.14}[margin]
    mask = canvas.blob(x, y, r, lobes=lobes, name="nodule")
    if margin == "spiculated":
        rays = canvas.random("spicules")
        spikes = []
        for angle in np.arange(14) / 14 * 2 * np.pi + rays.normal(0, 0.12, 14):
            tip = r * rays.uniform(1.4, 1.9)
            spikes.append(canvas.tube([(x, y), (x + tip * np.cos(angle), y + tip * np.sin(angle))], 0.018, 0.004))
        mask = np.maximum(mask, union(spikes) * 0.9)
    return mask


def nodule(
    canvas: Canvas, *, x: float, y: float, r: float, margin: str = "smooth", texture: str = "plain", value: float = 45.0
) -> None:
    if texture not in NODULE_TEXTURES:
        raise ValueError(f"nodule: no texture {texture!r}; choose one of {', '.join(NODULE_TEXTURES)}")
    mask = _outline(canvas, x, y, r, margin)
    canvas.paint(mask, value)
    spots = canvas.random("calcification")
    if texture == "fat":
        canvas.paint(canvas.blob(x, y, 0.62 * r, lobes=0.15, name="fat", edge=5), -70)
    if texture == "mixed":
        for dx, dy in ((-0.35, -0.2), (0.3, 0.3), (0.15, -0.4)):
            canvas.paint(canvas.ellipse(x + dx * r, y + dy * r, 0.3 * r, 0.22 * r), -95, 0.95)
    if texture in ("popcorn", "mixed"):
        count = 9 if texture == "popcorn" else 4
        for _ in range(count):
            angle, far = spots.uniform(0, 2 * np.pi), r * spots.uniform(0, 0.55)
            speck = canvas.blob(x + far * np.cos(angle), y + far * np.sin(angle), r * 0.21, lobes=0.3, name="popcorn")
            canvas.paint(speck * mask, 900)
    if texture == "central":
        canvas.paint(canvas.blob(x, y, r * 0.3, lobes=0.3), 700)


def nodules(canvas: Canvas, *, places: list[list[float]], value: float = 45.0) -> None:
    for x, y, r in places:
        canvas.paint(canvas.blob(x, y, r, lobes=0.05, name="metastasis"), value)


def airway_nodule(
    canvas: Canvas, *, x: float, y: float, r: float, value: float = 150.0, calcified: bool = False
) -> None:
    """A smooth nodule that bulges into a bronchus."""
    mask = canvas.ellipse(x, y, r, r * 0.9)
    canvas.paint(mask, value)
    if calcified:
        canvas.paint(canvas.blob(x + r * 0.25, y, r * 0.25, lobes=0.3), 700)


def collapse(canvas: Canvas, *, points: list[list[float]], value: float = 55.0) -> None:
    """Airless lung behind a blocked bronchus."""
    canvas.paint(canvas.polygon(points) * canvas.areas["lungs"], value)


def consolidation(canvas: Canvas, *, points: list[list[float]], bronchi: list[list[list[float]]]) -> None:
    mask = gaussian_blur(canvas.polygon(points, edge=4), 2) * canvas.areas["lungs"]
    canvas.paint(mask, 30 + 20 * canvas.cloud(0.04, "consolidation"), 0.96)
    for line in bronchi:
        canvas.paint(canvas.tube(line, 0.028, 0.012) * mask, -800)


def ground_glass(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, value: float = -480.0) -> None:
    mask = canvas.ellipse(x, y, rx, ry, edge=14) * canvas.areas["lungs"]
    patchy = np.clip(0.75 + 0.3 * canvas.cloud(0.07, "ground glass"), 0, 1)
    canvas.pixels = np.maximum(canvas.pixels, canvas.pixels * (1 - mask * patchy) + value * mask * patchy)


def wedge(canvas: Canvas, *, x: float, y: float, width: float, depth: float, angle: float) -> None:
    """A pleural-based triangle that points to the hilum."""
    turn = np.deg2rad(angle)
    ahead, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    base = np.array([x, y])
    corners = [base + across * width, base + ahead * depth, base - across * width]
    canvas.paint(canvas.polygon([*corners, base - ahead * 0.04], edge=2) * canvas.areas["lungs"], 10, 0.95)


def cavity(canvas: Canvas, *, x: float, y: float, r: float, wall: float, satellites: int = 8) -> None:
    canvas.paint(canvas.blob(x, y, r, lobes=0.14, name="cavity", edge=4) * canvas.areas["lungs"], 20)
    inside = canvas.blob(x + 0.01, y, r - wall, lobes=0.22, name="cavity inside")
    canvas.paint(inside, -960)
    budding(canvas, x=x, y=y, spread=r * 2.4, count=satellites)


def budding(canvas: Canvas, *, x: float, y: float, spread: float, count: int) -> None:
    """Small clustered nodules on branching lines."""
    where = canvas.random(f"budding{x}")
    masks = []
    for _ in range(count):
        angle, far = where.uniform(0, 2 * np.pi), spread * where.uniform(0.5, 1)
        cx, cy = x + far * np.cos(angle), y + far * np.sin(angle)
        masks.append(canvas.ellipse(cx, cy, 0.016, edge=2))
        for turn in (-0.7, 0.2, 0.9):
            tip = (cx + 0.05 * np.cos(angle + turn), cy + 0.05 * np.sin(angle + turn))
            masks += [canvas.tube([(cx, cy), tip], 0.01), canvas.ellipse(tip[0], tip[1], 0.012, edge=2)]
    canvas.paint(union(masks) * canvas.areas["lungs"], 20, 0.9)


def micronodules(canvas: Canvas, *, count: int = 170, seed: str = "beads", fissures: bool = True) -> None:
    """Fine nodules along vessels, fissures and pleura."""
    where = canvas.random(seed)
    lungs = canvas.areas["lungs"]
    masks = []
    for _ in range(count):
        side = where.choice([-1, 1])
        angle, far = where.uniform(-1.2, 1.2), abs(where.normal(0, 0.2))
        x, y = side * (0.26 + far * np.cos(angle)), 0.04 + 1.1 * far * np.sin(angle)
        masks.append(canvas.ellipse(x, y, where.uniform(0.008, 0.015), edge=2))
    if fissures:
        for side in (-1, 1):
            line = np.array([(side * 0.3, 0.16), (side * 0.5, 0.06), (side * 0.72, 0.02)])
            canvas.paint(canvas.tube(line, 0.008) * lungs, -450)
            for part in np.linspace(0, 1, 13):
                x = side * (0.3 + 0.42 * part)
                masks.append(
                    canvas.ellipse(x, 0.16 - 0.22 * part + 0.08 * part**2, where.uniform(0.008, 0.014), edge=2)
                )
    canvas.paint(union(masks) * lungs, 20, 0.95)


def nodes(canvas: Canvas, *, places: list[list[float]], value: float = 55.0, calcified: bool = False) -> None:
    """Enlarged lymph nodes; each place is x, y, rx, ry."""
    for x, y, rx, ry in places:
        canvas.paint(canvas.ellipse(x, y, rx, ry), value)
        if calcified:
            canvas.paint(canvas.ring(x, y, rx * 0.8, ry * 0.8, 0.012), 600, 0.9)


def filling_defect(canvas: Canvas, *, points: list[list[float]], width: float, value: float = 40.0) -> None:
    canvas.paint(canvas.tube(points, width, edge=1.5), value + 6 * canvas.cloud(0.03, "clot"))


def right_strain(canvas: Canvas, *, blood: float = 330.0) -> None:
    """A right ventricle wider than the left one, the septum pushed over."""
    canvas.paint(canvas.ellipse(0.1, -0.22, 0.25, 0.13, angle=14), blood)
    canvas.paint(canvas.ellipse(0.33, -0.05, 0.12, 0.1, angle=35), 140)
    canvas.paint(canvas.ellipse(0.335, -0.04, 0.09, 0.055, angle=35), blood)


def effusion(canvas: Canvas, *, side: str, depth: float, value: float = 12.0) -> None:
    lung = canvas.areas[f"{side}_lung"]
    surface = 0.46 - depth + 0.3 * (np.abs(canvas.x) - 0.5) ** 2 - 0.12 * (np.abs(canvas.x) - 0.5)
    layer = np.clip((canvas.y - surface) * canvas.size / 4, 0, 1) * lung
    canvas.paint(layer, value)


def pleural_air(canvas: Canvas, *, side: str, depth: float) -> None:
    """Air in front of the lung of a patient lying on the back, with the visceral pleura as a thin line."""
    lung = canvas.areas[f"{side}_lung"]
    sign = -1 if side == "right" else 1
    inner = canvas.ellipse(sign * (0.4 - depth * 0.35), 0.18 + depth * 0.35, 0.36 - depth * 0.35, 0.52 - depth * 0.75)
    air = np.clip(lung - inner, 0, 1)
    dense = lung * inner
    canvas.paint(air, AIR)
    canvas.add(dense, 60 + 500 * depth)
    line = np.clip(gaussian_blur(dense, 1.2) * 4 * (1 - gaussian_blur(dense, 1.2)), 0, 1) * lung
    canvas.paint(line, -250, 0.9)


def bulla(canvas: Canvas, *, x: float, y: float, rx: float, ry: float, septa: int = 2) -> None:
    outer = canvas.ellipse(x, y, rx, ry) * canvas.areas["lungs"]
    canvas.paint(outer, -350)
    canvas.paint(canvas.ellipse(x, y, rx - 0.014, ry - 0.014) * canvas.areas["lungs"], AIR + 8)
    lines = canvas.random("septa")
    for i in range(septa):
        at = y + ry * (-0.4 + 0.8 * (i + 0.5) / max(septa, 1)) + lines.normal(0, 0.02)
        half = rx * np.sqrt(max(0.0, 1 - ((at - y) / ry) ** 2))
        canvas.paint(canvas.tube([(x - half, at), (x, at + 0.05), (x + half, at - 0.02)], 0.01) * outer, -500)


def emphysema(canvas: Canvas, *, count: int = 60, upper: bool = True) -> None:
    holes = canvas.random("emphysema")
    for _ in range(count):
        x, y = holes.choice([-1, 1]) * holes.uniform(0.25, 0.68), holes.uniform(-0.4, 0.44)
        hole = canvas.blob(x, y, holes.uniform(0.018, 0.05), lobes=0.3, name="hole", edge=3)
        canvas.paint(hole * canvas.areas["lungs"], -985, 0.9)


LESIONS = {
    "nodule": nodule, "nodules": nodules, "airway_nodule": airway_nodule, "collapse": collapse,
    "consolidation": consolidation, "ground_glass": ground_glass, "wedge": wedge, "cavity": cavity, "budding": budding,
    "micronodules": micronodules, "nodes": nodes, "filling_defect": filling_defect, "right_strain": right_strain,
    "effusion": effusion, "pleural_air": pleural_air, "bulla": bulla, "emphysema": emphysema,
}  # fmt: skip
