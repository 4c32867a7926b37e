"""Frontal chest radiograph: what attenuates is bright."""

import numpy as np

from cdss.library.phantoms.canvas import Array, Canvas, gaussian_blur, union

RIGHT_LUNG = [(-0.12, -0.66), (-0.28, -0.76), (-0.45, -0.66), (-0.56, -0.42), (-0.63, -0.1), (-0.67, 0.25),
              (-0.69, 0.52),
              (-0.55, 0.42), (-0.36, 0.36), (-0.2, 0.4), (-0.14, 0.47), (-0.15, 0.1), (-0.13, -0.3)]  # fmt: skip
LEFT_LUNG = [(0.12, -0.66), (0.28, -0.76), (0.45, -0.66), (0.56, -0.42), (0.63, -0.1), (0.67, 0.25), (0.69, 0.58),
             (0.56, 0.5), (0.42, 0.45), (0.38, 0.3), (0.26, 0.08), (0.15, -0.08), (0.15, -0.35)]  # fmt: skip


def anatomy(canvas: Canvas, *, shift: float = 0.0) -> None:
    """`shift` moves the mediastinum: to the right of the picture when positive."""
    canvas.pixels[:] = 0.02
    body = union([
        canvas.polygon([(-0.16, -1.1), (-0.2, -0.85), (-0.55, -0.78), (-0.85, -0.62), (-0.98, -0.3), (-0.86, 0.2),
                        (-0.84, 0.8), (-0.8, 1.2), (0.8, 1.2), (0.84, 0.8), (0.86, 0.2), (0.98, -0.3), (0.85, -0.62),
                        (0.55, -0.78), (0.2, -0.85), (0.16, -1.1)], edge=3),
    ])  # fmt: skip
    canvas.paint(body, 0.5 + 0.16 * np.clip(canvas.y + 0.2, 0, 1))
    right, left = canvas.polygon(RIGHT_LUNG, edge=2.5), canvas.polygon(LEFT_LUNG, edge=2.5)
    canvas.areas.update(body=body, right_lung=right, left_lung=left, lungs=np.maximum(right, left))
    depth = 0.17 + 0.07 * np.abs(canvas.x) + 0.05 * np.clip(canvas.y, -1, 1)
    canvas.paint(gaussian_blur(canvas.areas["lungs"], 1), depth)
    _heart(canvas, shift)
    _vessels(canvas, shift)
    _bones(canvas)
    canvas.add(canvas.ellipse(0.44, 0.56, 0.13, 0.07, edge=8) * body, -0.12)


def _heart(canvas: Canvas, shift: float) -> None:
    heart = canvas.polygon([(-0.13, -0.3), (-0.17, 0.1), (-0.22, 0.28), (-0.15, 0.5), (0.1, 0.58), (0.4, 0.52),
                            (0.43, 0.34),
                            (0.3, 0.12), (0.17, -0.06), (0.18, -0.2), (0.19, -0.36), (0.1, -0.45), (-0.08, -0.5)],
                           edge=4)  # fmt: skip
    neck = canvas.polygon([(-0.11, -1), (-0.11, -0.3), (0.11, -0.3), (0.11, -1)], smooth=False, edge=4)
    mediastinum = np.maximum(heart, neck)
    if shift:
        mediastinum = np.roll(mediastinum, round(shift * canvas.size / 2), axis=1)
    canvas.areas["mediastinum"] = mediastinum
    canvas.paint(mediastinum, 0.7 + 0.08 * np.clip(canvas.y, 0, 1), 0.95)
    airway = [(shift * 0.4, -1), (shift * 0.8 - 0.01, -0.5), (shift - 0.01, -0.3)]
    canvas.add(gaussian_blur(canvas.tube(airway, 0.085), 1.5), -0.17)
    for side in (-1, 1):
        canvas.add(gaussian_blur(canvas.tube([(shift, -0.31), (shift + side * 0.14, -0.17)], 0.06), 1.5), -0.1)


def _vessels(canvas: Canvas, shift: float) -> None:
    spread = canvas.random("vessels")
    masks = []
    for side in (-1, 1):
        root = np.array([side * 0.19 + shift, -0.1 if side > 0 else -0.06])
        for direction in np.linspace(-1.25, 1.35, 8):
            angle = direction + spread.normal(0, 0.15)
            length = 0.52 - 0.08 * abs(direction - 0.4)
            tip = root + length * np.array([side * np.cos(angle), np.sin(angle)])
            masks.append(canvas.tube([root, (root + tip) / 2 + spread.normal(0, 0.03, 2), tip], 0.026, 0.004))
            for part in (0.4, 0.62, 0.8):
                start = root + (tip - root) * part
                fork = angle + spread.choice([-1, 1]) * spread.uniform(0.4, 0.9)
                end = start + spread.uniform(0.08, 0.17) * np.array([side * np.cos(fork), np.sin(fork)])
                masks.append(canvas.tube([start, end], 0.01, 0.003))
        hilum = canvas.ellipse(root[0] - side * 0.0, root[1] + 0.02, 0.05, 0.1, edge=8, angle=-side * 12)
        canvas.add(hilum * canvas.areas["lungs"], 0.16)
    canvas.add(gaussian_blur(union(masks), 0.6) * canvas.areas["lungs"] * (1 - canvas.areas["mediastinum"]), 0.15)


def _bones(canvas: Canvas) -> None:
    spine = canvas.polygon([(-0.07, -1), (-0.07, 1), (0.07, 1), (0.07, -1)], smooth=False, edge=5)
    discs = np.clip(np.sin(canvas.y * 34) * 0.6 + 0.5, 0, 1)
    canvas.add(spine, 0.05 + 0.03 * discs)
    ribs = []
    for i in range(9):
        top = -0.72 + 0.145 * i
        reach = 0.42 + 0.28 * (1 - np.exp(-i / 2.2))
        for side in (-1, 1):
            back = [(side * 0.08, top), (side * reach * 0.5, top - 0.05), (side * reach * 0.92, top + 0.09),
                    (side * reach, top + 0.2)]  # fmt: skip
            front = [(side * reach, top + 0.2), (side * reach * 0.86, top + 0.34), (side * reach * 0.62, top + 0.42)]
            ribs.append(canvas.tube(back, 0.05, 0.045))
            ribs.append(canvas.tube(front, 0.045, 0.04) * 0.62)
    rib = union(ribs) * canvas.areas["body"]
    rim = np.clip(rib - gaussian_blur(rib, 2.5), 0, 1)
    canvas.add(rib, 0.075)
    canvas.add(rim, 0.09)
    for side in (-1, 1):
        clavicle = [(side * 0.07, -0.6), (side * 0.3, -0.66), (side * 0.55, -0.74), (side * 0.72, -0.72)]
        canvas.add(canvas.tube(clavicle, 0.055, 0.045), 0.13)
        blade = [(side * 0.74, -0.7), (side * 0.66, -0.4), (side * 0.7, -0.1), (side * 0.82, -0.35)]
        canvas.add(canvas.polygon(blade, edge=3), 0.07)
        canvas.add(canvas.ellipse(side * 0.86, -0.62, 0.09, edge=4), 0.14)
        canvas.add(canvas.tube([(side * 0.88, -0.6), (side * 0.97, -0.2)], 0.11), 0.12)


def finish(canvas: Canvas) -> Array:
    canvas.blur(0.7)
    canvas.grain(0.011, 0.6)
    return np.clip(canvas.pixels * 1.12, 0, 1)
