"""Masks that are their own box: SAHI's slices, Ultralytics' segments, VIA, Encord and SuperAnnotate write boxes so."""

from __future__ import annotations

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.segmentation.extents import Extents

FILLS = 0.995
# A class with this many, and this share of its masks, gets a warning; a few drawn screens and doors do not.
MANY, MANY_SHARE = 3, 0.1


def are_boxes(masks: Extents, boxes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """bool [A]: the mask fills 99.5 % of a rectangle whose sides are those of the box, to 1 px or 0.5 % of a side.

    Args:
        boxes: float64 [A, 4], xyxy, inside the image. size: int64 [A, 2], the images' (W, H).
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        inside = np.clip(masks.box, 0, np.concatenate([size, size], axis=1))
        full = (masks.box[:, 2:] - masks.box[:, :2]).prod(axis=1)
        filled = np.abs(masks.area / full - 1) <= 1 - FILLS
        side = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        same = (np.abs(inside - boxes) <= np.maximum(1, (1 - FILLS) * side)).all(axis=1)
    return masks.present & filled & same


def count_rectangles(found: np.ndarray, has_mask: np.ndarray, sieve: Sieve) -> None:
    """Count masks that stay masks: a warning for classes that have many, a note for the others."""
    if not found.any():
        return
    count = len(sieve.names)
    rectangles = np.bincount(sieve.label[found], minlength=count)
    masks = np.bincount(sieve.label[has_mask], minlength=count)
    many = (rectangles >= MANY) & (rectangles >= MANY_SHARE * masks)
    of_many = many[sieve.label]
    remedy = "a box learnt as a mask teaches rectangles; data.rectangles=box takes such masks for boxes"
    sieve.count("warning", found & of_many, "mask is its own box, many or all of a class", remedy)
    sieve.count("noted", found & ~of_many, "mask is its own box", "data.rectangles=box takes such masks for boxes")
