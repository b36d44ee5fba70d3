"""Masks of boxes onto the image and into run lengths, with numpy alone.

D masks, S cells on a side of a mask's grid; H x W pixels of an image; boxes xyxy. The rule of pasting is that of
:mod:`contrastmask.model.masks`, which says more of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Size = tuple[int, int]


def encode(grids: np.ndarray, boxes: np.ndarray, image_size: Size, threshold: float = 0.5) -> list[dict[str, Any]]:
    """COCO run lengths of the pasted masks, in work and memory of the boxes alone.

    Args:
        grids: float32 ``[D, S, S]`` in 0..1, finite. boxes: float64 ``[D, 4]``, finite.
        image_size: ``(H, W)``. threshold: a pixel is foreground from here on, in (0, 1].

    Returns:
        D dicts ``{"size": [H, W], "counts": str}``, ready for JSON and for pycocotools.
    """
    height, width = image_size
    runs = []
    for grid, box in zip(grids, boxes.tolist(), strict=True):
        changes = _changes(*window_of(grid, box, image_size, threshold), height)
        # counts begin with background and end at the last pixel, where switching off is no change
        counts = np.diff(changes[changes < height * width], prepend=0, append=height * width)
        runs.append({"size": [height, width], "counts": counts})
    if not runs:
        return []
    encoded = coco_mask.frPyObjects(runs, height, width)
    size = [height, width]  # one list for all: a data set's results hold half a million of these
    return [{"size": size, "counts": rle["counts"].decode("ascii")} for rle in encoded]


def window_of(grid: np.ndarray, box: list[float], image_size: Size, threshold: float) -> tuple[int, int, np.ndarray]:
    """``(left, top, bool [w, h + 1])``: the pixels a box's grid can reach, columns first as run lengths go.

    Below every column lies one pixel of background: it keeps the runs inside their columns.
    """
    height, width = image_size
    left, across = _interpolation(box[0], box[2], width, grid.shape[1])
    top, down = _interpolation(box[1], box[3], height, grid.shape[0])
    down = np.concatenate([down, np.zeros_like(down, shape=(1, down.shape[1]))])
    # numpy's product: torch's may run in reduced precision by a global switch
    return left, top, (across @ grid.T) @ down.T >= threshold


def _interpolation(low: float, high: float, pixels: int, cells: int) -> tuple[int, np.ndarray]:
    """Weights ``[w, S]`` of the cells for the pixels from the returned one on; w = 0 where the box has no extent.

    A cell's weight falls linearly to zero over one cell: that is bilinear sampling with zeros outside.
    """
    if not high > low:
        return 0, np.zeros((0, cells), dtype=np.float32)
    reach = 0.5 * (high - low) / cells
    first = math.ceil(min(max(low - reach - 0.5, 0), pixels))
    last = math.floor(min(max(high + reach - 0.5, -1), pixels - 1))
    centres = np.arange(first, last + 1) + 0.5
    position = (centres - low) * (cells / (high - low)) - 0.5
    weights = position[:, None] - np.arange(cells)
    np.abs(weights, out=weights)
    np.subtract(1.0, weights, out=weights)
    return first, np.maximum(weights, 0.0, out=weights).astype(np.float32)


def _changes(left: int, top: int, window: np.ndarray, height: int) -> np.ndarray:
    """Positions in the column-major image where a window's mask switches on and off, alternating, int64."""
    flat = window.reshape(-1)
    found = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        found = np.concatenate([[0], found])
    column, row = np.divmod(found, window.shape[1])
    changes = (left + column) * height + top + row
    # a column that is full to the bottom runs on where the next one begins at the top
    if window.shape[1] > height:
        joined = np.flatnonzero(changes[2::2] == changes[1:-1:2])
        changes = np.delete(changes, np.concatenate([2 * joined + 1, 2 * joined + 2]))
    return changes
