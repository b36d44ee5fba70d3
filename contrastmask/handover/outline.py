"""A mask as one polygon, for formats whose objects are one: what of it that keeps, and what it loses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.completion.polygons import parts_of_runs
from contrastmask.handover.source import Object


@dataclass(frozen=True)
class Outline:
    """``points``: float ``[C, 2]`` xy in image pixels. ``parts``, ``holes``: how many the mask has. ``overlap``: IoU of
    the polygon, filled as COCO fills it, with the mask."""

    points: np.ndarray
    parts: int
    holes: int
    overlap: float


def outline_of(thing: Object, *, joined: bool) -> Outline:
    """The polygon of an object's mask.

    A single polygon of the file that crosses itself nowhere and stays in the image is kept as it is.

    Args:
        joined: all parts and holes, joined by lines without width; else the largest part's outline, holes filled.
    """
    own = _own(thing)
    if own is not None:
        return Outline(own, 1, 0, 1.0)
    parts = [[np.array(ring).reshape(-1, 2) for ring in part] for part in parts_of_runs(thing.runs)]
    parts.sort(key=lambda part: -_area(part[0]))
    holes = sum(len(part) - 1 for part in parts)
    points = parts[0][0]
    if joined:
        for ring in [*parts[0][1:], *(ring for part in parts[1:] for ring in part)]:
            points = _joined(points, ring)
    points = points.astype(float)
    drawn = coco_mask.merge(coco_mask.frPyObjects([points.ravel().tolist()], *thing.size))
    overlap = float(coco_mask.iou([drawn], [thing.runs], [0])[0, 0])
    return Outline(points, len(parts), holes, overlap)


def _own(thing: Object) -> np.ndarray | None:
    if not isinstance(thing.segmentation, list) or len(thing.segmentation) != 1:
        return None
    points = np.array(thing.segmentation[0]).reshape(-1, 2)
    height, width = thing.size
    if (points < 0).any() or (points > [width, height]).any():
        return None
    if len(points) > 1 and (points[0] == points[-1]).all():  # closed explicitly
        points = points[:-1]
    # a corner that comes twice is where parts or holes are joined
    return points if len(points) > 2 and len(np.unique(points, axis=0)) == len(points) else None


def _area(ring: np.ndarray) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


def _joined(path: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """The path with a detour to a ring and around it, where the two are nearest."""
    distance = ((path[:, None] - ring[None]) ** 2).sum(axis=2)
    at, to = np.unravel_index(int(distance.argmin()), distance.shape)
    return np.concatenate([path[: at + 1], ring[to:], ring[: to + 1], path[at:]])
