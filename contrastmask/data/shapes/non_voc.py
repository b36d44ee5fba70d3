"""Drawings of the classes of `data=shapes` that VOC has not.

Each function draws one example in the frame of `shape_outlines` (before it is normalised) and jitters its proportions.
"""

from __future__ import annotations

import numpy as np

from contrastmask.data.shapes.outlines import Outline, ellipse, mirrored


def umbrella(rng: np.random.Generator) -> Outline:
    dome, shaft, scallops = rng.uniform(0.34, 0.44), rng.uniform(0.036, 0.046), int(rng.integers(2, 4))
    width, end, hook = 0.9 / (2 * scallops), rng.uniform(0.34, 0.4), rng.uniform(0.09, 0.12)
    canopy = ellipse(0, 0, 0.45, dome, 180, 360)
    hem = [ellipse(0.45 - (2 * i + 1) * width / 2, 0, width / 2, 0.06, 0, -180) for i in range(2 * scallops)]
    bend = [
        ellipse(shaft - hook, end, hook, hook, 0, 180),
        ellipse(shaft - hook, end, hook - 2 * shaft, 0.05, 180, 0),
    ]
    stick = np.concatenate([[(-shaft, -0.2), (shaft, -0.2)], bend[0], bend[1]])
    return Outline((np.concatenate([canopy, *hem]), stick))


def cup(rng: np.random.Generator) -> Outline:
    top, taper, height = rng.uniform(0.29, 0.34), rng.uniform(0.75, 1), rng.uniform(0.34, 0.42)
    rx, ry, stroke = rng.uniform(0.24, 0.29), rng.uniform(0.2, 0.26), rng.uniform(0.09, 0.11)
    body = mirrored([(top, -height), (top * taper, height)])
    x = top * (1 + taper) / 2
    hole = ellipse(x, -0.04, rx - stroke, ry - stroke, -90, 90)
    # The handle starts inside the body, the hole outside it: the ring stays closed whatever the taper.
    return Outline((body, ellipse(x - 0.05, -0.04, rx + 0.05, ry, -90, 90)), (np.maximum(hole, [top, -1]),))


def banana(rng: np.random.Generator) -> Outline:
    sweep, thick = rng.uniform(55, 80), rng.uniform(0.1, 0.14)
    angle = np.deg2rad(np.linspace(-sweep, sweep, 25))
    # Blunt ends: the thickness falls to a stalk, not to a point.
    half = thick * np.maximum(np.cos(np.linspace(-np.pi / 2, np.pi / 2, 25)) ** 0.7, rng.uniform(0.2, 0.3))
    ray = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return Outline((np.concatenate([ray * (0.5 + half)[:, None], (ray * (0.5 - half)[:, None])[::-1]]),))


def donut(rng: np.random.Generator) -> Outline:
    hole, aspect = rng.uniform(0.36, 0.56), rng.uniform(0.8, 1)
    return Outline((ellipse(0, 0, 0.5, 0.5 * aspect),), (ellipse(0, 0, 0.5 * hole, 0.5 * hole * aspect),))


def scissors(rng: np.random.Generator) -> Outline:
    half, blade = np.deg2rad(rng.uniform(17, 27)), rng.uniform(0.055, 0.07)
    ring, bore = rng.uniform(0.16, 0.18), rng.uniform(0.085, 0.1)
    parts, holes = [], []
    for side in (-1, 1):
        turn = np.array([[np.cos(half), -side * np.sin(half)], [side * np.sin(half), np.cos(half)]])
        lever = np.array([(0, -0.55), (blade, -0.45), (blade, 0.2), (-blade, 0.2), (-blade, -0.45)])
        # A circle about the turned handle end: the rings of both levers stay round and apart.
        centre = np.array([side * -1 * max(ring * 0.95, 0.36 * np.sin(half)), 0.18 + ring])
        parts += [lever @ turn.T, ellipse(*centre, ring, ring)]
        holes.append(ellipse(*centre, bore, bore))
    return Outline(tuple(parts), tuple(holes))


def stop_sign(rng: np.random.Generator) -> Outline:
    radius, pole = rng.uniform(0.24, 0.32), rng.uniform(0.04, 0.055)
    angle = np.deg2rad(np.arange(22.5, 360, 45))
    plate = np.stack([radius * np.cos(angle), radius * np.sin(angle) + radius - 0.5], axis=1)
    return Outline((plate, np.array([(-pole, radius - 0.5), (pole, radius - 0.5), (pole, 0.5), (-pole, 0.5)])))


def kite(rng: np.random.Generator) -> Outline:
    half, waist, point = rng.uniform(0.22, 0.3), rng.uniform(-0.3, -0.2), rng.uniform(0.1, 0.16)
    parts = [np.array([(0, -0.5), (half, waist), (0, point), (-half, waist)])]
    sway, knot = rng.uniform(0.04, 0.12), 0.045
    tail = np.array([(0, point - 0.04), (sway, point + 0.12), (-sway, point + 0.24), (sway * 0.5, 0.5)])
    side = np.array([knot, 0])
    parts.append(np.concatenate([tail - side, (tail + side)[::-1]]))
    return Outline(tuple(parts))


def wine_glass(rng: np.random.Generator) -> Outline:
    rim, belly, stem = rng.uniform(0.15, 0.19), rng.uniform(0.19, 0.25), rng.uniform(0.036, 0.048)
    bowl, foot = rng.uniform(-0.08, 0.06), rng.uniform(0.15, 0.2)
    right = [(rim, -0.5), (belly, -0.32), (belly * 0.85, bowl - 0.1), (belly * 0.45, bowl - 0.02), (stem, bowl + 0.02)]
    return Outline((mirrored([*right, (stem, 0.4), (foot, 0.44), (foot, 0.5)]),))


def apple(rng: np.random.Generator) -> Outline:
    lobe, height, gap = rng.uniform(0.27, 0.31), rng.uniform(0.34, 0.39), rng.uniform(0.15, 0.19)
    lean = rng.uniform(-0.05, 0.09)
    stem = np.array([(-0.04, 0), (lean - 0.04, -0.44), (lean + 0.04, -0.44), (0.04, 0)])
    leaf = ellipse(lean + 0.13, -0.36, 0.14, 0.06)
    return Outline((ellipse(-gap, 0.08, lobe, height), ellipse(gap, 0.08, lobe, height), stem, leaf))


def pizza(rng: np.random.Generator) -> Outline:
    half = np.deg2rad(rng.uniform(18, 32))
    angle = np.linspace(-half, half, 13)
    crust = np.stack([np.sin(angle), 0.5 - np.cos(angle)], axis=1)
    bite = rng.uniform(0, 0.25)
    tip = np.stack([np.sin(angle[::-1]), -np.cos(angle[::-1])], axis=1) * bite + (0, 0.5)
    return Outline((np.concatenate([crust, tip]),))


def vase(rng: np.random.Generator) -> Outline:
    lip, neck, belly, foot = (rng.uniform(*r) for r in ((0.12, 0.2), (0.07, 0.12), (0.22, 0.32), (0.1, 0.16)))
    throat, middle = rng.uniform(-0.34, -0.22), rng.uniform(-0.02, 0.16)
    heights = [-0.5, throat, (throat + middle) / 2, middle, (middle + 0.5) / 2, 0.5]
    widths = [lip, neck, (neck + belly) / 2, belly, (belly * 2 + foot) / 3, foot]
    return Outline((mirrored(list(zip(widths, heights, strict=True))),))


def teddy_bear(rng: np.random.Generator) -> Outline:
    head, ear, belly = rng.uniform(0.17, 0.2), rng.uniform(0.07, 0.09), rng.uniform(0.17, 0.22)
    arm, leg, spread = rng.uniform(0.2, 0.3), rng.uniform(0.1, 0.13), rng.uniform(0.14, 0.2)
    parts = [ellipse(0, -0.25, head, head), ellipse(0, 0.12, belly, 0.25)]
    for side in (-1, 1):
        parts.append(ellipse(side * head * 0.75, -0.25 - head * 0.75, ear, ear))
        parts.append(ellipse(side * arm, rng.uniform(-0.04, 0.08), 0.14, 0.075))
        parts.append(ellipse(side * spread, 0.38, leg, leg))
    return Outline(tuple(parts))
