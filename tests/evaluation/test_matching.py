"""The matching in arrays beside pycocotools: not figures but every precision and recall, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.evaluation.coco_match import match
from contrastmask.evaluation.instances import Instances

SIDE = 40


def scene(seed: int, kind: str) -> tuple[Instances, Instances, int, int]:
    """Objects and detections of a few images, with everything that makes a matching hard."""
    rng = np.random.default_rng(seed)
    images, classes = int(rng.integers(1, 6)), int(rng.choice([1, 2, 9]))
    objects = int(rng.choice([0, 3, 30]))
    crowded = rng.random() < 0.2  # more than 100 of an image and class
    detections = int(rng.choice([0, 5, 80])) + crowded * 300 * images
    boxes = boxes_of(rng, objects)
    near = boxes[rng.integers(objects, size=detections)] if objects else boxes_of(rng, detections)
    # copies of objects, moved by whole pixels, so that overlaps are equal again and again
    near = np.where(rng.random((detections, 1)) < 0.7, near + rng.integers(-2, 3, (detections, 4)), 0)
    near[:, 2:] = near[:, 2:].clip(0)
    if rng.random() < 0.2 and objects:
        boxes[0] = rng.choice([0.0, np.inf, np.nan, -3.0], 4) if kind == "box" else boxes[0]
    image, place = rng.integers(images, size=objects), rng.integers(classes, size=objects)
    chosen = rng.integers(objects, size=detections) if objects else np.zeros(detections, dtype=np.int64)
    follow = rng.random(detections) < 0.8
    at = [np.where(follow, column[chosen], rng.integers(top, size=detections)) if objects
          else rng.integers(top, size=detections) for column, top in ((image, images), (place, classes))]  # fmt: skip
    near = np.where(follow[:, None] & (objects > 0), near, boxes_of(rng, detections))
    order = np.argsort(at[0], kind="stable")  # image by image, as a results file has them
    areas = rng.choice([-1.0, 0.0, 64.0, 1024.0, 1025.0, 9216.0, 9217.0, 1e10, 2e10, np.nan], objects)
    found = rng.choice([0.1, 0.5, 0.5, 0.9, 1.0, 0.0], detections)
    return (
        instances(image, place, boxes, areas, rng.random(objects) < 0.2, np.arange(objects) == rng.integers(60),
                  np.zeros(objects), kind),
        instances(at[0][order], at[1][order], near, rng.choice([0.0, 900.0, 5000.0, 2e10], detections),
                  np.zeros(detections, dtype=bool), np.zeros(detections, dtype=bool), found, kind),
        images,
        classes,
    )  # fmt: skip


def boxes_of(rng: np.random.Generator, count: int) -> np.ndarray:
    corner, sides = rng.integers(0, SIDE - 4, (count, 2)), rng.choice([2, 4, 6, 12, 20], (count, 2))
    return np.concatenate([corner, sides], axis=1).astype(np.float64)


def instances(images: Any, places: Any, boxes: Any, areas: Any, crowd: Any, zero: Any, scores: Any, kind: str) -> Any:
    shapes = boxes
    if kind == "mask":
        shapes = []
        for x, y, w, h in boxes.astype(int).clip(0).tolist():
            mask = np.zeros((SIDE, SIDE), dtype=np.uint8, order="F")
            mask[y : y + h, x : x + w] = 1
            mask[y : y + h : 3, x : x + 2] = 0  # no rectangle
            shapes.append(coco_mask.encode(mask))
    images, places = (np.asarray(column, dtype=np.int64) for column in (images, places))
    return Instances(images, places, shapes, areas, crowd, zero, scores)


@pytest.mark.parametrize("kind", ["box", "mask"])
@pytest.mark.parametrize("seed", range(60))
def test_every_number_is_pycocotools_own(seed: int, kind: str) -> None:
    objects, detections, images, classes = scene(seed, kind)
    ours = match(objects, detections, images, classes, kind, "arrays")
    theirs = match(objects, detections, images, classes, kind, "pycocotools")
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_scenes_are_hard_enough() -> None:
    """What the comparison rests on does occur, the hundred-and-first detection and boxes of no number among it."""
    seen: set[str] = set()
    for seed in range(60):
        objects, detections, images, classes = scene(seed, "box")
        precision, _ = match(objects, detections, images, classes, "box", "arrays")
        pairs = np.bincount(detections.images * classes + detections.places, minlength=1)
        seen |= {"over 100"} if pairs.max() > 100 else set()
        seen |= {"region"} if objects.crowd.any() else set()
        seen |= {"id 0"} if objects.zero_id.any() else set()
        seen |= {"no number"} if np.isnan(objects.shapes).any() else set()
        seen |= {"between"} if ((precision > 0) & (precision < 1)).any() else set()
        seen |= {"no object"} if len(objects) == 0 else set()
        seen |= {"nothing found"} if len(detections) == 0 else set()
        seen |= {"empty image"} if len(np.unique(objects.images)) < images else set()
    assert len(seen) == 8, seen
