"""The classes that `data=shapes` can draw: COCO names and ids, half of them on each side of the VOC split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contrastmask.data.shapes import non_voc, voc
from contrastmask.data.shapes.outlines import Outline


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
    ShapeClass("person", 1, "person", voc.person, 30, 0.05),
    ShapeClass("car", 3, "vehicle", voc.car, 30, 0.95),
    ShapeClass("airplane", 5, "vehicle", voc.airplane, 180, 0.55),
    ShapeClass("bus", 6, "vehicle", voc.bus, 30, 0.5),
    ShapeClass("boat", 9, "vehicle", voc.boat, 35, 0.0),
    ShapeClass("stop sign", 13, "outdoor", non_voc.stop_sign, 30, 0.98),
    ShapeClass("bird", 16, "animal", voc.bird, 60, 0.6),
    ShapeClass("umbrella", 28, "accessory", non_voc.umbrella, 60, 0.85),
    ShapeClass("kite", 38, "sports", non_voc.kite, 180, 0.8),
    ShapeClass("bottle", 44, "kitchen", voc.bottle, 180, 0.35),
    ShapeClass("wine glass", 46, "kitchen", non_voc.wine_glass, 60, 0.9),
    ShapeClass("cup", 47, "kitchen", non_voc.cup, 35, 0.65),
    ShapeClass("banana", 52, "food", non_voc.banana, 180, 0.15),
    ShapeClass("apple", 53, "food", non_voc.apple, 60, 0.3),
    ShapeClass("pizza", 59, "food", non_voc.pizza, 180, 0.12),
    ShapeClass("donut", 60, "food", non_voc.donut, 180, 0.07),
    ShapeClass("chair", 62, "furniture", voc.chair, 30, 0.25),
    ShapeClass("couch", 63, "furniture", voc.couch, 20, 0.7),
    ShapeClass("potted plant", 64, "furniture", voc.potted_plant, 30, 0.4),
    ShapeClass("dining table", 67, "furniture", voc.dining_table, 20, 0.1),
    ShapeClass("tv", 72, "electronic", voc.tv, 30, 0.75),
    ShapeClass("vase", 86, "indoor", non_voc.vase, 35, 0.58),
    ShapeClass("scissors", 87, "indoor", non_voc.scissors, 180, 0.45),
    ShapeClass("teddy bear", 88, "indoor", non_voc.teddy_bear, 60, 0.2),
)
"""In the order of their ids, which is that of the classes of a data set. Holes and bays are on both sides."""


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
