"""How the file's masks lie to the model's masks and to the file's boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.evaluation.coco_match import truth_rle

_COVERED, _PART = 0.9, 0.1  # of another mask's pixels, and its share of the pixels that cover it
Found = Mapping[int, tuple[dict[str, Any], float]]  # position in the records → (the model's run lengths, confidence)


@dataclass(frozen=True, eq=False)
class Measures:
    """Of N masks of the file.

    Attributes:
        positions: int64 [N], in the records.
        overlap: [N] in 0..1, IoU of the file's mask with the model's. confidence: [N] in 0..1, of the model's.
        size: [N] px², of the given box. extent: [N] px², of the file mask's own box.
        agreement: [N] in 0..1, IoU of the mask's own box with the given one.
        filled, filled_by_model: [N] in 0..1, share of its own box that the file's and the model's mask fill.
        beside: [N] in 0..1, the greatest IoU of the file's mask with the model's mask of another object of the image;
            neighbour: int64 [N], that object's position in the records, -1 where there is none.
        covered: int64 [N], position of the largest other object of the class whose mask, at least a tenth as large,
            lies in this one nearly; -1 where there is none.
    """

    positions: np.ndarray
    overlap: np.ndarray
    confidence: np.ndarray
    size: np.ndarray
    extent: np.ndarray
    agreement: np.ndarray
    filled: np.ndarray
    filled_by_model: np.ndarray
    beside: np.ndarray
    neighbour: np.ndarray
    covered: np.ndarray


def measure(records: Records, found: Found) -> Measures:
    """Measure every mask of the file that the model has one for.

    Args:
        found: masks of objects of which the file has one, too.
    """
    positions = np.array(sorted(found), dtype=np.int64)
    images = records.images_of(positions)
    parts = [_of_image(records, int(i), positions[images == i], found) for i in np.unique(images)]
    columns = np.concatenate(parts, axis=1) if parts else np.zeros((9, 0))
    boxes = records.boxes[positions].astype(np.float64)
    overlap, extent, agreement, filled, filled_by_model, beside, neighbour, confidence, covered = columns
    return Measures(
        positions, overlap, confidence, _areas(boxes), extent, agreement, filled, filled_by_model, beside,
        neighbour.astype(np.int64), covered.astype(np.int64),
    )  # fmt: skip


def _of_image(records: Records, image: int, positions: np.ndarray, found: Found) -> np.ndarray:
    """[9, n], in the order of `measure`."""
    own = [truth_rle(records, image, a) for a in positions.tolist()]
    models = [found[a][0] for a in positions.tolist()]
    between = np.asarray(coco_mask.iou(own, models, [0] * len(models))).reshape(len(own), len(models))
    overlap = np.diagonal(between).copy()
    others = between.copy()
    np.fill_diagonal(others, -1.0)
    nearest = others.argmax(axis=1)
    alone = others.max(axis=1) <= 0
    extents, theirs = (_corners(np.array([coco_mask.toBbox(rle) for rle in rles])) for rles in (own, models))
    extent = _areas(extents)
    filled, filled_by_model = (
        np.array([coco_mask.area(rle) for rle in rles]) / np.maximum(_areas(box), 1)
        for rles, box in ((own, extents), (models, theirs))
    )
    return np.stack([
        overlap,
        extent,
        _box_overlap(extents, records.boxes[positions].astype(np.float64)),
        filled,
        filled_by_model,
        np.maximum(others.max(axis=1), 0),
        np.where(alone, -1, positions[nearest]),
        [found[a][1] for a in positions.tolist()],
        _covered(own, positions, records.labels[positions]),
    ])  # fmt: skip


def _covered(masks: list[dict[str, Any]], positions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[n]: of each mask the position of the largest other of its class that lies in it nearly, else -1."""
    area = np.asarray(coco_mask.area(masks), dtype=np.float64)
    # as of crowds: the share of the first that the second covers
    inside = np.asarray(coco_mask.iou(masks, masks, [1] * len(masks))).reshape(len(masks), len(masks))
    covers = (inside >= _COVERED) & (area[:, None] >= _PART * area[None]) & (labels[:, None] == labels[None])
    np.fill_diagonal(covers, False)
    largest = np.where(covers, area[:, None], -1.0).argmax(axis=0)
    return np.where(covers.any(axis=0), positions[largest], -1)


def _corners(xywh: np.ndarray) -> np.ndarray:
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _box_overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """IoU of boxes [n, 4] xyxy, pair by pair."""
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    both = sides.clip(0).prod(axis=1)
    return both / (_areas(one) + _areas(other) - both)
