"""What can be wrong on the axial abdominal CT phantom. Values are in HU."""

import numpy as np

from cdss.library.phantoms.abdomen import AIR, FAT
from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union


def mass(
    canvas: Canvas, *, x: float, y: float, r: float, value: float, stretch: float = 1.0, lobes: float = 0.06,
    necrosis: float | None = None, texture: float = 0.0,
) -> None:  # fmt: skip
    """A solid mass; `necrosis` is the value of a ragged centre, `texture` its unevenness."""
    mask = canvas.blob(x, y, r, lobes=lobes, stretch=stretch, name="mass")
    canvas.paint(mask, value + texture * canvas.cloud(0.06, "texture"))
    if necrosis is not None:
        canvas.paint(canvas.blob(x + r * 0.1, y + r * 0.05, r * 0.48, lobes=0.35, name="necrosis", edge=4), necrosis)


def capsule(canvas: Canvas, *, x: float, y: float, r: float, value: float, width: float = 0.018) -> None:
    outer = canvas.blob(x, y, r, lobes=0.06, name="mass")
    inner = canvas.blob(x, y, r - width, lobes=0.06, name="mass")
    canvas.paint(np.clip(outer - inner, 0, 1), value)


def target(canvas: Canvas, *, places: list[list[float]], rim: float, centre: float) -> None:
    """Rounded lesions with a rim and a darker centre; each place is x, y, r."""
    for x, y, r in places:
        canvas.paint(canvas.blob(x, y, r, lobes=0.08, name="target", edge=3), rim)
        canvas.paint(canvas.blob(x, y, r * 0.68, lobes=0.1, name="target", edge=6), centre)


def puddles(
    canvas: Canvas, *, x: float, y: float, r: float, base: float, blood: float, fill: float, stretch: float = 1.0
) -> None:
    """Nodular, discontinuous enhancement of the rim; `fill` from 0 to 1 is how far it has come inwards."""
    mask = canvas.blob(x, y, r, lobes=0.05, stretch=stretch, name="puddle mass")
    canvas.paint(mask, base)
    where = canvas.random("puddles")
    knobs = []
    for angle in np.arange(9) / 9 * 2 * np.pi + where.normal(0, 0.12, 9):
        if where.uniform() < 0.18 and fill < 0.5:
            continue
        far = r * (0.9 - 0.35 * fill)
        size = r * (0.15 + 0.3 * fill) * where.uniform(0.8, 1.2)
        knobs.append(
            canvas.blob(x + far * np.cos(angle), y + stretch * far * np.sin(angle), size, lobes=0.2, name="knob")
        )
    canvas.paint(union(knobs) * mask, blood)


def fat_mass(canvas: Canvas, *, x: float, y: float, r: float, strands: float = 40.0, share: float = 0.5) -> None:
    """Macroscopic fat with strands and vessels of soft tissue."""
    mask = canvas.blob(x, y, r, lobes=0.1, name="fat mass")
    canvas.paint(mask, -85)
    cloud = canvas.cloud(0.06, "angio")
    canvas.paint(mask * np.clip((cloud - 1.2 + 1.4 * share) * 2.5, 0, 1), strands)
    rim = np.clip(mask - canvas.blob(x, y, r - 0.014, lobes=0.1, name="fat mass"), 0, 1)
    canvas.paint(rim, 20, 0.8)


def wide_pelvis(canvas: Canvas, *, side: str, value: float = 5.0, scale: float = 1.0) -> None:
    """Hydronephrosis with stranding around the kidney."""
    s = -1 if side == "right" else 1
    masks = [canvas.ellipse(s * 0.33, 0.24, 0.075 * scale, 0.07 * scale)]
    for i in (-1, 0, 1):
        masks.append(canvas.ellipse(s * 0.44, 0.24 + i * 0.085, 0.042 * scale, 0.034 * scale))
        masks.append(canvas.tube([(s * 0.36, 0.24 + i * 0.03), (s * 0.44, 0.24 + i * 0.085)], 0.035 * scale))
    canvas.paint(union(masks), value)
    stranding(canvas, x=s * 0.4, y=0.24, r=0.29, inner=0.2)


def stranding(canvas: Canvas, *, x: float, y: float, r: float, inner: float = 0.0, value: float = 0.0) -> None:
    """Streaks in the fat."""
    where = canvas.random(f"strands{x}{y}")
    lines = []
    for angle in np.arange(30) / 30 * 2 * np.pi:
        start = inner + (r - inner) * where.uniform(0, 0.5)
        end = start + (r - inner) * where.uniform(0.2, 0.5)
        bend = angle + where.normal(0, 0.3)
        lines.append(canvas.tube([(x + start * np.cos(angle), y + start * np.sin(angle)),
                                  (x + end * np.cos(bend), y + end * np.sin(bend))], 0.011, 0.005))  # fmt: skip
    halo = np.clip(
        canvas.ellipse(x, y, r, edge=20) - canvas.ellipse(x, y, max(inner, 0.01), edge=6) * (inner > 0), 0, 1
    )
    fat = np.clip((-40 - canvas.pixels) / 40, 0, 1) * np.clip((canvas.pixels + 200) / 60, 0, 1)
    canvas.paint(np.maximum(union(lines), halo * 0.35) * fat * canvas.areas["inside"], value, 0.8)


def stone(canvas: Canvas, *, x: float, y: float, r: float = 0.018, value: float = 900.0, rim: bool = True) -> None:
    """A calcified focus in a ureter, with the soft-tissue rim of the swollen ureter."""
    if rim:
        canvas.paint(canvas.ellipse(x, y, r + 0.022), 35)
    canvas.paint(canvas.ellipse(x, y, r), value)


def ureter(canvas: Canvas, *, x: float, y: float, r: float = 0.03) -> None:
    canvas.paint(canvas.ellipse(x, y, r), 35)
    canvas.paint(canvas.ellipse(x, y, r * 0.6), 6)


def appendix(
    canvas: Canvas, *, points: list[list[float]], width: float = 0.085, wall: float = 120.0,
    stone_at: int | None = None,
    free_fluid: bool = False,
) -> None:  # fmt: skip
    """A swollen tube with an enhancing wall and stranding around it."""
    tip = points[-1]
    stranding(canvas, x=tip[0], y=tip[1] - 0.02, r=0.24)
    canvas.paint(canvas.tube(points, width), wall)
    canvas.paint(canvas.tube(points, width * 0.5), 12)
    if stone_at is not None:
        x, y = points[stone_at]
        canvas.paint(canvas.ellipse(x, y, 0.024), 600)
    if free_fluid:
        canvas.paint(canvas.blob(tip[0] + 0.03, tip[1] + 0.08, 0.09, lobes=0.25, name="fluid"), 14)
        canvas.paint(canvas.ellipse(tip[0] + 0.02, tip[1] + 0.03, 0.018), AIR)


def thick_colon(
    canvas: Canvas, *, points: list[list[float]], width: float = 0.15, wall: float = 95.0, pouches: int = 7,
    abscess: list[float] | None = None,
) -> None:  # fmt: skip
    """A thick-walled length of colon with gas-filled outpouchings and stranding."""
    middle = points[len(points) // 2]
    stranding(canvas, x=middle[0], y=middle[1], r=0.32)
    where = canvas.random("pouches")
    line = np.asarray(points, dtype=float)
    for i in range(pouches):
        part = (i + 0.5) / pouches * (len(line) - 1)
        at = line[int(part)] + (line[min(int(part) + 1, len(line) - 1)] - line[int(part)]) * (part % 1)
        along = line[min(int(part) + 1, len(line) - 1)] - line[int(part)]
        across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-9) * (-1) ** i
        spot = at + across * (width / 2 + 0.012)
        canvas.paint(canvas.ellipse(spot[0], spot[1], 0.03), wall * 0.7)
        if where.uniform() < 0.8:
            canvas.paint(canvas.ellipse(spot[0], spot[1], 0.017), AIR)
    canvas.paint(canvas.tube(points, width), wall)
    canvas.paint(canvas.tube(points, width * 0.28), 15)
    canvas.paint(canvas.tube(points[1:-1] if len(points) > 3 else points, width * 0.12), -700, 0.8)
    if abscess is not None:
        x, y, r = abscess
        canvas.paint(canvas.blob(x, y, r, lobes=0.15, name="collection"), 75)
        canvas.paint(canvas.blob(x, y, r - 0.022, lobes=0.15, name="collection"), 14)
        canvas.paint(canvas.ellipse(x, y - r * 0.45, r * 0.4, r * 0.18), AIR)


def loops(
    canvas: Canvas,
    *,
    places: list[list[float]],
    wall: float = 95.0,
    fluid: float = 16.0,
    gas: bool = True,
    folds: bool = True,
) -> None:
    """Dilated bowel with fluid and gas in layers; each place is x, y, rx, ry, angle."""
    for x, y, rx, ry, angle in places:
        canvas.paint(canvas.ellipse(x, y, rx, ry, angle=angle), wall)
        inner = canvas.ellipse(x, y, rx - 0.014, ry - 0.014, angle=angle)
        canvas.paint(inner, fluid)
        if folds:
            turn = np.deg2rad(angle)
            along = (canvas.x - x) * np.cos(turn) + (canvas.y - y) * np.sin(turn)
            across = -(canvas.x - x) * np.sin(turn) + (canvas.y - y) * np.cos(turn)
            comb = np.clip(np.cos(along * 75) * 3 - 2, 0, 1) * (np.abs(across) > ry * 0.62)
            canvas.paint(gaussian_blur(comb * inner, 0.6), wall, 0.8)
        if gas:
            level = np.clip((y - ry * 0.25 - canvas.y) * canvas.size / 2, 0, 1)
            canvas.paint(inner * level, AIR)


def beak(canvas: Canvas, *, points: list[list[float]], width: float = 0.14) -> None:
    """Where a dilated loop tapers to a collapsed one."""
    canvas.paint(canvas.tube(points, width, 0.03), 95)
    canvas.paint(canvas.tube(points[:-1], width * 0.75, 0.02), 18)


def collapsed(canvas: Canvas, *, places: list[list[float]], value: float = 80.0) -> None:
    canvas.paint(union(canvas.ellipse(x, y, 0.035, 0.025, angle=x * 300) for x, y in places), value)


def _wall_calcium(canvas: Canvas, x: float, y: float, r: float, share: float) -> Array:
    angles = np.arctan2(canvas.y - y, canvas.x - x)
    return canvas.ring(x, y, r, r, 0.016) * np.clip(np.cos(angles * 3 + 0.7) * 4 + 4 * share - 2, 0, 1)


def wide_aorta(
    canvas: Canvas, *, x: float, y: float, r: float, lumen: float, blood: float, leak: str = "", calcium: float = 0.5
) -> None:
    """An enlarged aorta with mural thrombus around the lumen; `leak` is the side of blood in the retroperitoneum."""
    if leak:
        s = -1 if leak == "right" else 1
        spill = [(x + s * r * 0.6, y - r * 0.5), (x + s * (r + 0.28), y - 0.12), (x + s * (r + 0.42), y + 0.14),
                 (x + s * (r + 0.26), y + 0.3), (x + s * r * 0.5, y + 0.25)]  # fmt: skip
        shape = gaussian_blur(canvas.polygon(spill), 2) * canvas.areas["inside"]
        canvas.paint(shape, 62 + 10 * canvas.cloud(0.06, "leak"), 0.95)
        stranding(canvas, x=x + s * (r + 0.2), y=y + 0.08, r=0.42)
    canvas.paint(canvas.ellipse(x, y, r), 38)
    canvas.paint(canvas.blob(x + r * 0.1, y - r * 0.08, lumen, lobes=0.06, name="lumen"), blood)
    canvas.paint(_wall_calcium(canvas, x, y, r, calcium), 650)
    if leak:
        s = -1 if leak == "right" else 1
        canvas.paint(canvas.tube([(x + s * lumen * 0.7, y), (x + s * (r + 0.04), y + 0.02)], 0.02, 0.05), blood, 0.9)


def fluid(canvas: Canvas, *, points: list[list[float]], value: float = 8.0) -> None:
    free = np.clip((FAT + 60 - canvas.pixels) / 40, 0, 1) * np.clip((canvas.pixels + 220) / 60, 0, 1)
    canvas.paint(canvas.polygon(points, edge=2) * free * canvas.areas["inside"], value)


def shrunken_liver(canvas: Canvas, *, value: float = 8.0) -> None:
    """A nodular surface with fluid around the liver."""
    liver = canvas.areas["liver"]
    bumps = np.clip(canvas.cloud(0.06, "nodular") * 0.5 + 0.62, 0, 1)
    edge = np.clip(liver - gaussian_blur(liver, 4), 0, 1) * 2
    canvas.paint(np.clip(edge * bumps, 0, 1) * (canvas.x < 0.2), value)


LESIONS = {
    "mass": mass, "capsule": capsule, "target": target, "puddles": puddles, "fat_mass": fat_mass,
    "wide_pelvis": wide_pelvis,
    "stranding": stranding, "stone": stone, "ureter": ureter, "appendix": appendix, "thick_colon": thick_colon,
    "loops": loops, "beak": beak, "collapsed": collapsed, "wide_aorta": wide_aorta, "fluid": fluid,
    "shrunken_liver": shrunken_liver,
}  # fmt: skip
