"""Drawings of the classes of `data=shapes` that VOC has.

Each function draws one example in the frame of `shape_outlines` (before it is normalised) and jitters its proportions.
"""

from __future__ import annotations

import numpy as np

from contrastmask.data.shapes.outlines import Outline, ellipse, mirrored


def airplane(rng: np.random.Generator) -> Outline:
    body, span, sweep = rng.uniform(0.075, 0.105), rng.uniform(0.38, 0.5), rng.uniform(0.02, 0.2)
    tail, chord = rng.uniform(0.17, 0.23), rng.uniform(0.14, 0.18)
    right = [(0.02, -0.5), (body * 0.8, -0.43), (body, -0.3), (body, -0.14), (span, sweep), (span, sweep + chord * 0.7)]
    right += [(body, 0.1), (body * 0.8, 0.28), (tail, 0.38), (tail, 0.49), (0.02, 0.45)]
    return Outline((mirrored(right),))


def boat(rng: np.random.Generator) -> Outline:
    mast, half = rng.uniform(-0.12, 0.08), rng.uniform(0.035, 0.05)
    deck, foot, keel = rng.uniform(0.18, 0.24), rng.uniform(0.06, 0.1), rng.uniform(0.25, 0.36)
    jib, sail = rng.uniform(0.2, 0.3), rng.uniform(0.3, 0.4)
    left = [(-0.5, deck), (mast - half, deck), (mast - half, foot), (mast - jib, foot), (mast - half, -0.3)]
    right = [(mast - half, -0.5), (mast + half, -0.5), (mast + sail, foot), (mast + half, foot), (mast + half, deck)]
    return Outline((np.array([*left, *right, (0.5, deck), (keel, 0.45), (-keel, 0.45)]),))


def bottle(rng: np.random.Generator) -> Outline:
    neck, body = rng.uniform(0.055, 0.075), rng.uniform(0.15, 0.2)
    top, shoulder = rng.uniform(-0.22, -0.12), rng.uniform(-0.02, 0.08)
    right = [(neck + 0.025, -0.5), (neck + 0.025, -0.44), (neck, -0.44), (neck, top), (body * 0.8, shoulder - 0.04)]
    return Outline((mirrored([*right, (body, shoulder + 0.04), (body, 0.47), (body * 0.85, 0.5)]),))


def chair(rng: np.random.Generator) -> Outline:
    width, leg, lean = rng.uniform(0.28, 0.36), rng.uniform(0.105, 0.135), rng.uniform(0, 0.1)
    seat, thick, bar = rng.uniform(-0.06, 0.02), rng.uniform(0.11, 0.14), rng.uniform(0.28, 0.32)
    back = [(-width - lean, -0.5), (leg - width - lean, -0.5), (leg - width, seat)]
    front = [(width, seat), (width, 0.5), (width - leg, 0.5), (width - leg, seat + thick)]
    rear = [(leg - width, seat + thick), (leg - width, 0.5), (-width, 0.5), (-width, seat)]
    outer = np.array([*back, *front, *rear])
    if rng.random() < 0.5:  # a stretcher between the legs closes the opening under the seat
        return Outline((outer, np.array([(-width, bar), (width, bar), (width, bar + 0.1), (-width, bar + 0.1)])))
    return Outline((outer,))


def tv(rng: np.random.Generator) -> Outline:
    height, frame, foot = rng.uniform(0.32, 0.39), rng.uniform(0.125, 0.16), rng.uniform(0.16, 0.3)
    c, neck = 0.04, rng.uniform(0.05, 0.08)
    right = [(0.5 - c, -height), (0.5, c - height), (0.5, height - c), (0.5 - c, height), (neck, height)]
    outer = mirrored([*right, (neck, height + 0.07), (foot, height + 0.07), (foot, height + 0.16)])
    return Outline((outer,), (mirrored([(0.5 - frame, frame - height), (0.5 - frame, height - frame)]),))


def person(rng: np.random.Generator) -> Outline:
    spread, stance, head = rng.uniform(0, 0.16), rng.uniform(0, 0.08), rng.uniform(0.075, 0.09)
    arm, hand, waist = 0.085, rng.uniform(-0.02, 0.06), rng.uniform(0.1, 0.13)
    right = [(0.05, -0.36), (0.16, -0.3), (0.2 + spread, hand), (0.2 + spread - arm, hand + 0.02), (waist, -0.12)]
    right += [(waist + 0.01, 0.08), (0.14 + stance, 0.5), (0.04 + stance, 0.5), (0.005, 0.16)]
    return Outline((mirrored(right), ellipse(0, head - 0.5, head * 0.85, head)))


def car(rng: np.random.Generator) -> Outline:
    roof, rear, front = rng.uniform(0.18, 0.26), rng.uniform(-0.34, -0.24), rng.uniform(0.06, 0.14)
    wheel, axle, hood = rng.uniform(0.085, 0.11), rng.uniform(0.27, 0.31), rng.uniform(-0.03, 0.03)
    top = [(-0.5, 0.12), (-0.48, hood), (rear - 0.1, hood - 0.02), (rear + 0.04, -roof), (front, -roof)]
    body = np.array([*top, (front + 0.16, hood - 0.02), (0.46, hood + 0.03), (0.5, 0.12)])
    return Outline((body, ellipse(-axle, 0.12, wheel, wheel), ellipse(axle, 0.12, wheel, wheel)))


def bus(rng: np.random.Generator) -> Outline:
    height, wheel, axle = rng.uniform(0.2, 0.26), rng.uniform(0.08, 0.1), rng.uniform(0.26, 0.34)
    c, nose = 0.05, rng.uniform(0, 0.1)
    body = [(-0.5 + c, -height), (0.5 - c - nose, -height), (0.5, c), (0.5, height - c), (-0.5, height - c)]
    wheels = (ellipse(x, height - c, wheel, wheel) for x in (-axle, axle))
    return Outline((np.array([*body, (-0.5, c - height)]), *wheels))


def bird(rng: np.random.Generator) -> Outline:
    wing, lift, head = rng.uniform(0.12, 0.34), rng.uniform(-0.12, 0.08), rng.uniform(0.1, 0.13)
    leg, tail = rng.uniform(-0.08, 0.02), rng.uniform(0.06, 0.12)
    body = ellipse(0, 0, 0.26, rng.uniform(0.13, 0.17))
    face = np.array([(0.3, -0.2), (0.46, -0.11), (0.3, -0.06)])
    fan = np.array([(-0.16, -0.06), (-0.5, lift - tail), (-0.5, lift + tail), (-0.16, 0.08)])
    feather = np.array([(0.1, -0.08), (-0.1, -0.1 - wing), (-0.24, -0.06 - wing), (-0.16, -0.04)])
    legs = np.array([(leg, 0.1), (leg + 0.08, 0.1), (leg + 0.1, 0.32), (leg, 0.32)])
    return Outline((body, ellipse(0.24, -0.14, head, head), face, fan, feather, legs))


def couch(rng: np.random.Generator) -> Outline:
    back, arm, seat = rng.uniform(0.2, 0.3), rng.uniform(0.12, 0.16), rng.uniform(0, 0.06)
    floor, foot = rng.uniform(0.16, 0.2), rng.uniform(0.08, 0.12)
    right = [(0.5 - arm, -back), (0.5 - arm, seat - 0.08), (0.5, seat - 0.08), (0.5, floor), (0.46, floor)]
    right += [(0.46, floor + 0.09), (0.46 - foot, floor + 0.09), (0.46 - foot, floor)]
    return Outline((mirrored(right),))


def potted_plant(rng: np.random.Generator) -> Outline:
    pot, taper, rim = rng.uniform(0.15, 0.2), rng.uniform(0.65, 0.9), rng.uniform(0.12, 0.2)
    parts = [mirrored([(pot, rim), (pot * taper, 0.5)])]
    leaves, width, reach = int(rng.integers(3, 6)), rng.uniform(0.06, 0.08), rng.uniform(0.5, 0.62)
    for angle in np.deg2rad(np.linspace(-1, 1, leaves) * rng.uniform(38, 58)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        blade = ellipse(0, -reach / 2, width, reach / 2)
        parts.append(blade @ turn.T + (0, rim + 0.06))
    return Outline(tuple(parts))


def dining_table(rng: np.random.Generator) -> Outline:
    top, leg, inset = rng.uniform(0.1, 0.13), rng.uniform(0.09, 0.12), rng.uniform(0, 0.12)
    height, lean = rng.uniform(0.22, 0.34), rng.uniform(-0.04, 0.06)
    right = [(0.5, -height), (0.5, top - height), (0.5 - inset, top - height), (0.5 - inset + lean, height)]
    right += [(0.5 - inset - leg + lean, height), (0.5 - inset - leg, top - height)]
    return Outline((mirrored(right),))
