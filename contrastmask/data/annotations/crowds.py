"""Rows with `iscrowd` 1: regions of many objects, or masks that a tool wrote as run lengths and therefore so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.report import Report
from contrastmask.data.segmentation.extents import Extents

MOST_DETECTIONS = 100  # of an image, COCO's maxDets
SAMPLE = 200  # masks that are looked at
ONE_PART = 0.67  # of them are one or two pieces where masks were painted; of COCO's crowds a quarter are
MOST_TEXT = 20_000  # characters of run lengths; more is no painted piece
OBJECTS = "data.crowd=object reads rows with iscrowd 1 as objects"


def count_crowds(
    crowd: np.ndarray,
    predicted: np.ndarray,
    masks: Extents,
    boxes: np.ndarray,
    segmentation: Callable[[int], Any],
    sieve: Sieve,
) -> None:
    """Count crowd regions per class; a warning where they look like objects.

    Args:
        crowd, predicted: bool [A]; a mask that a model made says nothing of how the people's tool writes theirs.
        boxes: float64 [A, 4], xyxy.
        segmentation: gives the checked COCO segmentation of a row, or None.
    """
    if not crowd.any():
        return
    why = "background in training and not judged"
    if crowd.all():
        sieve.count("warning", crowd, f"every object is a crowd region (iscrowd 1): {why}", OBJECTS)
    elif _painted(crowd, predicted, masks, boxes, segmentation):
        reason = f"crowd regions (iscrowd 1) that look like painted masks, one piece in a tight box: {why}"
        sieve.count("warning", crowd, reason, OBJECTS)
    else:
        sieve.count("noted", crowd, f"crowd regions (iscrowd 1): {why}", OBJECTS)


def look_like_objects(report: Report) -> bool:
    """Whether `count_crowds` warned of a file's crowd regions."""
    return any(row.get("remedy") == OBJECTS for row in report.to_dict()["warning"])


def count_crowded(image: np.ndarray, objects: np.ndarray, image_ids: np.ndarray, sieve: Sieve) -> None:
    """Note images with more objects than COCO's figures look at; image int64 [A], objects bool [A]."""
    full = np.bincount(image[objects & sieve.alive], minlength=len(image_ids)) > MOST_DETECTIONS
    reason = f"with more than {MOST_DETECTIONS} objects"
    remedy = f"COCO's figures take the {MOST_DETECTIONS} best detections of an image (maxDets)"
    sieve.report.add("noted", "image", reason, image_ids[full], remedy=remedy)


def _painted(
    crowd: np.ndarray, predicted: np.ndarray, masks: Extents, boxes: np.ndarray, segmentation: Callable[[int], Any]
) -> bool:
    """Every mask of run lengths that people made is a crowd, and nearly all are one piece whose box is tight."""
    runs = masks.present & ~masks.outline & ~predicted
    if (runs & ~crowd).any():
        return False
    rows = np.flatnonzero(crowd & masks.present)
    if len(rows) == 0:
        return False
    tight = (np.abs(masks.box[rows] - boxes[rows]) <= 1.5).all(axis=1)
    if tight.mean() < ONE_PART:
        return False
    sample = rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(int)]
    whole = [masks.outline[row] or pieces(segmentation(row), int(masks.box[row, 0])) <= 2 for row in sample.tolist()]
    return float(np.mean(whole)) >= ONE_PART


def pieces(rle: dict[str, Any], left: int = 0) -> int:
    """How many pieces, joined along edges, a mask of run lengths has, specks under 1 % of it not counted.

    Args:
        left: a column before which it has no pixel.
    """
    if len(rle["counts"]) > MOST_TEXT:
        return MOST_TEXT
    mask = coco_mask.decode(rle)[:, left:].astype(bool)
    columns = np.flatnonzero(mask.any(axis=0))
    parent: list[int] = []
    area: list[int] = []

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    before: list[tuple[int, int, int]] = []
    last = -2
    for column in columns.tolist():
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask[:, column].astype(np.int8), [0]])))
        now = []
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            node = len(parent)
            parent.append(node)
            area.append(stop - start)
            now.append((start, stop, node))
            for other_start, other_stop, other in before if last == column - 1 else ():
                if other_start < stop and start < other_stop:
                    one, two = root(other), root(node)
                    if one != two:
                        parent[two] = one
                        area[one] += area[two]
        before, last = now, column
    roots = [area[node] for node in range(len(parent)) if parent[node] == node]
    return sum(size >= 0.01 * sum(roots) for size in roots)
