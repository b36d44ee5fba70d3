"""Outlines of the object classes of `data=shapes`: COCO names and ids, drawn from both sides of the VOC split.

An outline lives in its own frame: x right, y down, centred on the origin, long side 1. Every call jitters the
proportions, so that two bottles differ as two bottles do. Strokes stay above 7 % of the long side: thinner ones vanish
in small objects, and a mask nobody can see teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outline:
    """The union of `parts` minus the union of `holes`; each a closed polygon float64 [P, 2] of (x, y)."""

    parts: tuple[np.ndarray, ...]
    holes: tuple[np.ndarray, ...] = ()

    def transformed(self, matrix: np.ndarray) -> Outline:
        """Every point times a [2, 2] matrix."""
        return Outline(tuple(p @ matrix.T for p in self.parts), tuple(h @ matrix.T for h in self.holes))

    def normalised(self) -> Outline:
        """Centred on the origin, long side 1."""
        points = np.concatenate(self.parts)
        low, high = points.min(0), points.max(0)
        centre, scale = (low + high) / 2, 1 / (high - low).max()
        return Outline(tuple((p - centre) * scale for p in self.parts), tuple((h - centre) * scale for h in self.holes))


def _mirrored(right: list[tuple[float, float]]) -> np.ndarray:
    """A shape symmetric about x = 0 from its right half, listed from top to bottom."""
    half = np.array(right, dtype=np.float64)
    return np.concatenate([half, half[::-1] * [-1, 1]])


def _ellipse(cx: float, cy: float, rx: float, ry: float, start: float = 0, stop: float = 360) -> np.ndarray:
    """An elliptic arc; angles in degrees, clockwise on screen, 0 = right."""
    angle = np.deg2rad(np.linspace(start, stop, max(8, round(abs(stop - start) / 10)), endpoint=stop - start != 360))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def _airplane(rng: np.random.Generator) -> Outline:
    body, span, sweep = rng.uniform(0.075, 0.105), rng.uniform(0.38, 0.5), rng.uniform(0.02, 0.2)
    tail, chord = rng.uniform(0.17, 0.23), rng.uniform(0.14, 0.18)
    right = [(0.02, -0.5), (body * 0.8, -0.43), (body, -0.3), (body, -0.14), (span, sweep), (span, sweep + chord * 0.7)]
    right += [(body, 0.1), (body * 0.8, 0.28), (tail, 0.38), (tail, 0.49), (0.02, 0.45)]
    return Outline((_mirrored(right),))


def _boat(rng: np.random.Generator) -> Outline:
    mast, half = rng.uniform(-0.12, 0.08), rng.uniform(0.035, 0.05)
    deck, foot, keel = rng.uniform(0.18, 0.24), rng.uniform(0.06, 0.1), rng.uniform(0.25, 0.36)
    jib, sail = rng.uniform(0.2, 0.3), rng.uniform(0.3, 0.4)
    left = [(-0.5, deck), (mast - half, deck), (mast - half, foot), (mast - jib, foot), (mast - half, -0.3)]
    right = [(mast - half, -0.5), (mast + half, -0.5), (mast + sail, foot), (mast + half, foot), (mast + half, deck)]
    return Outline((np.array([*left, *right, (0.5, deck), (keel, 0.45), (-keel, 0.45)]),))


def _bottle(rng: np.random.Generator) -> Outline:
    neck, body = rng.uniform(0.055, 0.075), rng.uniform(0.15, 0.2)
    top, shoulder = rng.uniform(-0.22, -0.12), rng.uniform(-0.02, 0.08)
    right = [(neck + 0.025, -0.5), (neck + 0.025, -0.44), (neck, -0.44), (neck, top), (body * 0.8, shoulder - 0.04)]
    return Outline((_mirrored([*right, (body, shoulder + 0.04), (body, 0.47), (body * 0.85, 0.5)]),))


def _chair(rng: np.random.Generator) -> Outline:
    width, leg, lean = rng.uniform(0.28, 0.36), rng.uniform(0.105, 0.135), rng.uniform(0, 0.1)
    seat, thick, bar = rng.uniform(-0.06, 0.02), rng.uniform(0.11, 0.14), rng.uniform(0.28, 0.32)
    back = [(-width - lean, -0.5), (leg - width - lean, -0.5), (leg - width, seat)]
    front = [(width, seat), (width, 0.5), (width - leg, 0.5), (width - leg, seat + thick)]
    rear = [(leg - width, seat + thick), (leg - width, 0.5), (-width, 0.5), (-width, seat)]
    outer = np.array([*back, *front, *rear])
    if rng.random() < 0.5:  # a stretcher between the legs closes the opening under the seat
        return Outline((outer, np.array([(-width, bar), (width, bar), (width, bar + 0.1), (-width, bar + 0.1)])))
    return Outline((outer,))


def _tv(rng: np.random.Generator) -> Outline:
    height, frame, foot = rng.uniform(0.32, 0.39), rng.uniform(0.125, 0.16), rng.uniform(0.16, 0.3)
    c, neck = 0.04, rng.uniform(0.05, 0.08)
    right = [(0.5 - c, -height), (0.5, c - height), (0.5, height - c), (0.5 - c, height), (neck, height)]
    outer = _mirrored([*right, (neck, height + 0.07), (foot, height + 0.07), (foot, height + 0.16)])
    return Outline((outer,), (_mirrored([(0.5 - frame, frame - height), (0.5 - frame, height - frame)]),))


def _umbrella(rng: np.random.Generator) -> Outline:
    dome, shaft, scallops = rng.uniform(0.34, 0.44), rng.uniform(0.036, 0.046), int(rng.integers(2, 4))
    width, end, hook = 0.9 / (2 * scallops), rng.uniform(0.34, 0.4), rng.uniform(0.09, 0.12)
    canopy = _ellipse(0, 0, 0.45, dome, 180, 360)
    hem = [_ellipse(0.45 - (2 * i + 1) * width / 2, 0, width / 2, 0.06, 0, -180) for i in range(2 * scallops)]
    bend = [
        _ellipse(shaft - hook, end, hook, hook, 0, 180),
        _ellipse(shaft - hook, end, hook - 2 * shaft, 0.05, 180, 0),
    ]
    stick = np.concatenate([[(-shaft, -0.2), (shaft, -0.2)], bend[0], bend[1]])
    return Outline((np.concatenate([canopy, *hem]), stick))


def _banana(rng: np.random.Generator) -> Outline:
    sweep, thick = rng.uniform(55, 80), rng.uniform(0.1, 0.14)
    angle = np.deg2rad(np.linspace(-sweep, sweep, 25))
    # Blunt ends: the thickness falls to a stalk, not to a point.
    half = thick * np.maximum(np.cos(np.linspace(-np.pi / 2, np.pi / 2, 25)) ** 0.7, rng.uniform(0.2, 0.3))
    ray = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return Outline((np.concatenate([ray * (0.5 + half)[:, None], (ray * (0.5 - half)[:, None])[::-1]]),))


def _cup(rng: np.random.Generator) -> Outline:
    top, taper, height = rng.uniform(0.29, 0.34), rng.uniform(0.75, 1), rng.uniform(0.34, 0.42)
    rx, ry, stroke = rng.uniform(0.24, 0.29), rng.uniform(0.2, 0.26), rng.uniform(0.09, 0.11)
    body = _mirrored([(top, -height), (top * taper, height)])
    x = top * (1 + taper) / 2
    hole = _ellipse(x, -0.04, rx - stroke, ry - stroke, -90, 90)
    # The handle starts inside the body, the hole outside it: the ring stays closed whatever the taper.
    return Outline((body, _ellipse(x - 0.05, -0.04, rx + 0.05, ry, -90, 90)), (np.maximum(hole, [top, -1]),))


def _donut(rng: np.random.Generator) -> Outline:
    hole, aspect = rng.uniform(0.36, 0.56), rng.uniform(0.8, 1)
    return Outline((_ellipse(0, 0, 0.5, 0.5 * aspect),), (_ellipse(0, 0, 0.5 * hole, 0.5 * hole * aspect),))


def _scissors(rng: np.random.Generator) -> Outline:
    half, blade = np.deg2rad(rng.uniform(17, 27)), rng.uniform(0.055, 0.07)
    ring, bore = rng.uniform(0.16, 0.18), rng.uniform(0.085, 0.1)
    parts, holes = [], []
    for side in (-1, 1):
        turn = np.array([[np.cos(half), -side * np.sin(half)], [side * np.sin(half), np.cos(half)]])
        lever = np.array([(0, -0.55), (blade, -0.45), (blade, 0.2), (-blade, 0.2), (-blade, -0.45)])
        # A circle about the turned handle end: the rings of both levers stay round and apart.
        centre = np.array([side * -1 * max(ring * 0.95, 0.36 * np.sin(half)), 0.18 + ring])
        parts += [lever @ turn.T, _ellipse(*centre, ring, ring)]
        holes.append(_ellipse(*centre, bore, bore))
    return Outline(tuple(parts), tuple(holes))


@dataclass(frozen=True)
class ShapeClass:
    """One class: COCO name, category id and supercategory; `rotation` = largest turn from upright in degrees; `hue` =
    0..1, the class's own colour, which it may or may not wear."""

    name: str
    id: int
    supercategory: str
    draw: Callable[[np.random.Generator], Outline]
    rotation: float
    hue: float


SHAPE_CLASSES: tuple[ShapeClass, ...] = (
    ShapeClass("airplane", 5, "vehicle", _airplane, 180, 0.55),
    ShapeClass("boat", 9, "vehicle", _boat, 35, 0.0),
    ShapeClass("umbrella", 28, "accessory", _umbrella, 60, 0.85),
    ShapeClass("bottle", 44, "kitchen", _bottle, 180, 0.35),
    ShapeClass("cup", 47, "kitchen", _cup, 35, 0.65),
    ShapeClass("banana", 52, "food", _banana, 180, 0.15),
    ShapeClass("donut", 60, "food", _donut, 180, 0.07),
    ShapeClass("chair", 62, "furniture", _chair, 30, 0.25),
    ShapeClass("tv", 72, "electronic", _tv, 30, 0.75),
    ShapeClass("scissors", 87, "indoor", _scissors, 180, 0.45),
)
"""VOC: airplane, boat, bottle, chair, tv; not VOC: umbrella, cup, banana, donut, scissors. Holes and bays in both."""


def draw_outline(shape: ShapeClass, long_side: float, rotation: float, rng: np.random.Generator) -> Outline:
    """A jittered, stretched, mirrored and turned example of a class.

    Args:
        shape: the class.
        long_side: pixels along the longer side before the turn.
        rotation: largest turn from upright in degrees, where the class allows as much.
        rng: consumed; equal states give equal outlines.

    Returns:
        The outline in pixels, its own centre at the origin.
    """
    outline = shape.draw(rng).normalised()
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    angle = np.deg2rad(rng.uniform(-1, 1) * min(rotation, shape.rotation))
    flip = rng.choice([-1.0, 1.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    resized = outline.transformed(np.diag([flip * stretch, 1.0])).normalised()
    return resized.transformed(turn * long_side)
