"""Axial brain: CT in Hounsfield units, MR in arbitrary brightness from 0 to 1."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union

# Brightness of each tissue by the look of the picture.
LOOKS: dict[str, dict[str, float]] = {
    "ct": {"air": -1000, "scalp": 20, "fat": -60, "skull": 900, "marrow": 700, "csf": 6, "grey": 38, "white": 29,
           "dura": 55,
           "vessel": 42},
    "t1": {"air": 0.0, "scalp": 0.75, "fat": 0.85, "skull": 0.06, "marrow": 0.45, "csf": 0.1, "grey": 0.42,
           "white": 0.58,
           "dura": 0.4, "vessel": 0.08},
    "t1c": {"air": 0.0, "scalp": 0.75, "fat": 0.85, "skull": 0.06, "marrow": 0.45, "csf": 0.1, "grey": 0.43,
            "white": 0.57,
            "dura": 0.62, "vessel": 0.9},
    "t2": {"air": 0.0, "scalp": 0.6, "fat": 0.75, "skull": 0.05, "marrow": 0.35, "csf": 0.97, "grey": 0.55,
           "white": 0.36,
           "dura": 0.25, "vessel": 0.05},
    "flair": {"air": 0.0, "scalp": 0.55, "fat": 0.7, "skull": 0.05, "marrow": 0.35, "csf": 0.06, "grey": 0.47,
              "white": 0.37,
              "dura": 0.3, "vessel": 0.1},
    "dwi": {"air": 0.0, "scalp": 0.12, "fat": 0.1, "skull": 0.02, "marrow": 0.05, "csf": 0.04, "grey": 0.33,
            "white": 0.27,
            "dura": 0.1, "vessel": 0.04},
}  # fmt: skip
WINDOWS = {"brain": (40.0, 80.0), "subdural": (70.0, 200.0)}
LEVELS = ("ventricles", "cisterns", "canals", "vertex")
CENTRE, RX, RY = 0.02, 0.66, 0.82


def anatomy(canvas: Canvas, *, look: str = "ct", level: str = "ventricles", atrophy: float = 0.0) -> None:
    if look not in LOOKS or level not in LEVELS:
        raise ValueError(
            f"brain: look {look!r} at level {level!r}; looks {', '.join(LOOKS)}; levels {', '.join(LEVELS)}"
        )
    tone = LOOKS[look]
    canvas.areas["look_" + look] = np.ones_like(canvas.pixels)
    canvas.pixels[:] = tone["air"]
    canvas.paint(canvas.ellipse(0, CENTRE, RX + 0.13, RY + 0.12), tone["scalp"])
    canvas.paint(canvas.ellipse(0, CENTRE, RX + 0.1, RY + 0.09), tone["fat"], 0.6)
    canvas.paint(canvas.ellipse(0, CENTRE, RX + 0.075, RY + 0.07), tone["skull"])
    canvas.paint(canvas.ring(0, CENTRE, RX + 0.055, RY + 0.05, 0.025), tone["marrow"])
    inside = canvas.ellipse(0, CENTRE, RX, RY)
    canvas.areas["inside"] = inside
    canvas.paint(inside, tone["csf"])
    painters = {"ventricles": _ventricles, "cisterns": _cisterns, "canals": _canals, "vertex": _vertex}
    painters[level](canvas, tone, atrophy)


def _hemispheres(canvas: Canvas, tone: dict[str, float], atrophy: float) -> None:
    gap = 0.014 + 0.02 * atrophy
    shell = canvas.ellipse(0, CENTRE, RX - 0.02 - 0.025 * atrophy, RY - 0.02 - 0.025 * atrophy)
    cleft = canvas.tube([(0, -1), (0, -0.38)], gap) + canvas.tube([(0, 0.45), (0, 1)], gap)
    brain = shell * (1 - np.clip(cleft, 0, 1))
    canvas.areas["brain"] = brain
    canvas.paint(brain, tone["grey"])
    folds = np.sin(17 * np.arctan2(canvas.y / RY, canvas.x / RX) + 1.6 * canvas.cloud(0.25, "folds"))
    core = canvas.ellipse(0, CENTRE, RX - 0.13, RY - 0.13) * (1 - canvas.tube([(0, -1), (0, 1)], 0.1))
    fingers = canvas.ellipse(0, CENTRE, RX - 0.055, RY - 0.055, edge=3) * np.clip(folds * 2, 0, 1)
    white = gaussian_blur(np.maximum(core, fingers) * brain, 1.6)
    canvas.areas["white"] = white
    canvas.paint(white, tone["white"])
    _sulci(canvas, tone, atrophy)
    canvas.paint(
        canvas.tube([(0, -0.83), (0, -0.4)], 0.008) + canvas.tube([(0, 0.5), (0, 0.86)], 0.008), tone["dura"], 0.8
    )


def _sulci(canvas: Canvas, tone: dict[str, float], atrophy: float) -> None:
    where = canvas.random("sulci")
    lines = []
    for angle in np.arange(30) / 30 * 2 * np.pi + where.normal(0, 0.05, 30):
        if abs(np.cos(angle)) < 0.1:
            continue
        out = np.array([np.cos(angle) * (RX - 0.015), CENTRE + np.sin(angle) * (RY - 0.015)])
        deep = 1 - where.uniform(0.1, 0.22) - 0.05 * atrophy
        bend = where.normal(0, 0.03, 2)
        lines.append(canvas.tube([out, out * (1 + deep) / 2 + bend, out * deep], 0.013 + 0.017 * atrophy, 0.005))
    canvas.areas["sulci"] = union(lines) * canvas.areas["inside"]
    canvas.paint(canvas.areas["sulci"], tone["csf"], 0.75)


def _mirror(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in points]


def _ventricles(canvas: Canvas, tone: dict[str, float], atrophy: float) -> None:
    _hemispheres(canvas, tone, atrophy)
    wide = 1 + 0.5 * atrophy
    masks = []
    for sign in (1, -1):
        turn = (lambda points: points) if sign > 0 else _mirror
        deep = [canvas.ellipse(sign * 0.1, -0.17, 0.05, 0.1, angle=sign * -18),
                canvas.ellipse(sign * 0.2, -0.04, 0.065, 0.14, angle=sign * -14),
                canvas.ellipse(sign * 0.1, 0.06, 0.075, 0.11, angle=sign * 12)]  # fmt: skip
        canvas.paint(union(deep), tone["grey"])
        insula = turn([(0.36, -0.2), (0.31, -0.05), (0.37, 0.1)])
        canvas.paint(canvas.tube(insula, 0.05), tone["grey"])
        canvas.paint(
            canvas.tube(turn([(0.64, -0.1), (0.5, -0.06), (0.38, -0.12)]), 0.025 * wide, 0.02), tone["csf"], 0.85
        )
        canvas.paint(canvas.tube(insula, 0.018 * wide), tone["csf"], 0.8)
        horn = turn([(0.02, -0.16), (0.04, -0.3), (0.13, -0.4), (0.16, -0.34), (0.1, -0.22), (0.045, -0.12)])
        back = turn([(0.08, 0.18), (0.18, 0.22), (0.27, 0.38), (0.25, 0.5), (0.17, 0.4), (0.08, 0.27)])
        masks += [canvas.polygon(horn), canvas.polygon(back)]
    masks.append(canvas.ellipse(0, 0.02, 0.014 * wide, 0.11))
    ventricles = union(masks)
    if atrophy:
        ventricles = np.clip(gaussian_blur(ventricles, 3.5 * atrophy) * (2 + atrophy), 0, 1)
    canvas.areas["ventricles"] = ventricles
    canvas.paint(ventricles, tone["csf"])
    for sign in (1, -1):
        plexus = canvas.blob(sign * 0.2, 0.33, 0.035, lobes=0.3, name="plexus")
        canvas.paint(plexus, max(tone["grey"], tone["vessel"] * 0.7), 0.8)


def _vertex(canvas: Canvas, tone: dict[str, float], atrophy: float) -> None:
    """Above the ventricles: the white matter of the centrum semiovale."""
    _hemispheres(canvas, tone, atrophy)
    canvas.paint(canvas.tube([(0, -0.85), (0, 0.88)], 0.018 + 0.02 * atrophy), tone["csf"])
    canvas.paint(canvas.tube([(0, -0.85), (0, 0.88)], 0.008), tone["dura"])


def _cisterns(canvas: Canvas, tone: dict[str, float], atrophy: float) -> None:
    """Through the suprasellar cistern, with the Sylvian fissures and the midbrain."""
    _hemispheres(canvas, tone, atrophy)
    star = canvas.polygon([(0, -0.3), (0.12, -0.16), (0.27, -0.14), (0.15, -0.03), (0.1, 0.07), (0, 0.03), (-0.1, 0.07),
                           (-0.15, -0.03), (-0.27, -0.14), (-0.12, -0.16)])  # fmt: skip
    fissures = [
        canvas.tube([(s * 0.18, -0.14), (s * 0.36, -0.16), (s * 0.5, -0.24), (s * 0.62, -0.2)], 0.035, 0.02)
        for s in (-1, 1)
    ]
    interhemispheric = canvas.tube([(0, -0.3), (0, -0.8)], 0.024)
    around = canvas.ring(0, 0.16, 0.2, 0.19, 0.035)
    canvas.areas["cisterns"] = union([star, *fissures, interhemispheric, around])
    canvas.paint(canvas.areas["cisterns"], tone["csf"])
    canvas.paint(canvas.ellipse(0, 0.16, 0.165, 0.155), tone["white"])
    for s in (-1, 1):
        canvas.paint(canvas.ellipse(s * 0.09, 0.07, 0.075, 0.06), tone["white"])
        canvas.paint(canvas.ellipse(s * 0.3, 0.12, 0.022, 0.06, angle=s * 20), tone["csf"])
    canvas.paint(canvas.ellipse(0, 0.21, 0.014), tone["csf"])
    canvas.paint(canvas.ellipse(0, 0.5, 0.3, 0.22), tone["grey"])
    for i in range(6):
        y = 0.36 + 0.055 * i
        canvas.paint(canvas.tube([(-0.2, y + 0.03), (0, y), (0.2, y + 0.03)], 0.008), tone["csf"], 0.35)


def _canals(canvas: Canvas, tone: dict[str, float], atrophy: float) -> None:
    """Through the posterior fossa and the internal auditory canals."""
    for s in (-1, 1):
        canvas.paint(canvas.ellipse(s * 0.36, -0.32, 0.25, 0.27, angle=s * 15), tone["grey"])
        canvas.paint(canvas.ellipse(s * 0.36, -0.33, 0.16, 0.19, angle=s * 15), tone["white"])
        bone = [
            (s * 0.66, -0.16),
            (s * 0.42, -0.1),
            (s * 0.16, -0.03),
            (s * 0.2, 0.06),
            (s * 0.42, 0.12),
            (s * 0.68, 0.24),
        ]
        canvas.paint(canvas.polygon(bone), tone["skull"])
        canvas.paint(canvas.blob(s * 0.52, 0.05, 0.09, lobes=0.2, name="mastoid"), tone["marrow"], 0.35)
        canvas.paint(canvas.tube([(s * 0.19, 0.035), (s * 0.335, 0.02)], 0.04), tone["csf"])
        canvas.paint(canvas.ellipse(s * 0.385, 0.0, 0.024), tone["csf"], 0.9)
        canvas.paint(canvas.ring(s * 0.44, 0.03, 0.045, 0.035, 0.013), tone["csf"], 0.7)
    _face(canvas, tone)
    canvas.paint(canvas.ellipse(0, -0.24, 0.13, 0.11), tone["skull"])
    canvas.paint(canvas.ellipse(0, -0.24, 0.08, 0.06), tone["air"] if tone["air"] == 0 else tone["csf"])
    canvas.paint(canvas.ellipse(0, 0.03, 0.155, 0.115), tone["white"])
    canvas.paint(canvas.tube([(0, -0.1), (0.0, -0.092)], 0.035), tone["vessel"])
    for s in (-1, 1):
        canvas.paint(canvas.tube([(s * 0.12, 0.07), (s * 0.25, 0.2)], 0.11), tone["white"])
    cerebellum = union([canvas.ellipse(s * 0.28, 0.43, 0.31, 0.34, angle=s * -14) for s in (-1, 1)])
    canvas.areas["brain"] = cerebellum
    canvas.paint(cerebellum, tone["grey"])
    for s in (-1, 1):
        for i in range(9):
            r = 0.1 + 0.022 * i
            arc = [(s * (0.22 + r * np.cos(a)), 0.4 + r * np.sin(a)) for a in np.linspace(-0.9, 1.6, 6)]
            canvas.paint(canvas.tube(arc, 0.008) * cerebellum, tone["csf"], 0.4)
        canvas.paint(canvas.ellipse(s * 0.2, 0.36, 0.11, 0.12), tone["white"])
    canvas.paint(canvas.ellipse(0, 0.42, 0.075, 0.26), tone["grey"])
    canvas.paint(canvas.polygon([(-0.07, 0.17), (0, 0.15), (0.07, 0.17), (0.03, 0.24), (-0.03, 0.24)]), tone["csf"])


def _face(canvas: Canvas, tone: dict[str, float]) -> None:
    """Orbits and ethmoid in front of the temporal lobes."""
    front = canvas.areas["inside"] * np.clip((-0.42 - canvas.y - 0.25 * np.abs(canvas.x)) * canvas.size / 6, 0, 1)
    canvas.paint(front, tone["skull"])
    for s in (-1, 1):
        orbit = canvas.polygon([(s * 0.08, -0.75), (s * 0.3, -0.82), (s * 0.48, -0.62), (s * 0.14, -0.44)])
        canvas.paint(orbit * canvas.areas["inside"], tone["fat"])
        canvas.paint(canvas.ellipse(s * 0.28, -0.69, 0.1), tone["grey"])
        canvas.paint(canvas.ellipse(s * 0.28, -0.69, 0.085), tone["csf"] * 0.9)
        canvas.paint(canvas.tube([(s * 0.25, -0.6), (s * 0.14, -0.46)], 0.025), tone["grey"])
    canvas.paint(canvas.ellipse(0, -0.64, 0.055, 0.16) * canvas.areas["inside"], tone["air"])
    canvas.paint(canvas.tube([(0, -0.8), (0, -0.48)], 0.012), tone["skull"] * 0.5 + tone["grey"] * 0.5)


def finish(canvas: Canvas, *, window: str = "brain") -> Array:
    canvas.blur(0.8)
    if "look_ct" in canvas.areas:
        canvas.grain(2.6, 0.8)
        return canvas.windowed(*WINDOWS[window])
    canvas.grain(0.014, 0.6)
    shading = 1 + 0.05 * canvas.cloud(1.2, "coil")
    return np.clip(canvas.pixels * shading, 0, 1)
