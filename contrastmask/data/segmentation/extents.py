"""Where each mask of a file lies and how much of that it fills, without drawing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.columns import blocks
from contrastmask.data.segmentation.check import SOUND, Packed
from contrastmask.data.segmentation.rle import part, read_runs

MOST_PIXELS = 2**29  # that are drawn: outlines may reach far beyond their image
MIGHT_FILL = 0.99  # of the box, by the sum of the polygons' areas


@dataclass(frozen=True, eq=False)
class Extents:
    """Per row, NaN where it has no sound segmentation.

    Attributes:
        box: float64 [A, 4], xyxy, around the polygons (as drawn, also outside the image) or the pixels of run lengths.
        area: float64 [A], px², of the polygons or the pixels. What polygons share is counted once where they might fill
            their box, else as often as it is there.
        present: bool [A], the row has a mask: one with a pixel in its image.
        outline: bool [A], the row has polygons, whether or not they have a pixel in the image.
    """

    box: np.ndarray
    area: np.ndarray
    present: np.ndarray
    outline: np.ndarray


def mask_extents(packed: Packed, heights: np.ndarray) -> Extents:
    """Measure every mask; heights int64 [A] of each annotation's own image."""
    table, outline = packed.table, packed.outline
    box, area = np.full((len(table), 4), np.nan), np.full(len(table), np.nan)
    polygons = outline.present & (packed.problem == SOUND)
    box[polygons], area[polygons] = outline.box[polygons], outline.area[polygons]
    with np.errstate(over="ignore"):
        full = (box[:, 2:] - box[:, :2]).prod(axis=1)
    for row in np.flatnonzero(polygons & (np.diff(table.polygon_rows) > 1) & (area >= MIGHT_FILL * full)).tolist():
        area[row] *= _once(table.get(row, 0, 0), box[row])
    rows = np.flatnonzero((np.diff(table.run_rows) > 0) & ~packed.lacking)
    if len(rows):
        chosen = table.take(rows)
        for block in blocks(chosen.run_rows):
            here = rows[block]
            box[here], area[here] = _of_runs(*part(chosen.runs, chosen.run_rows, block), heights[here])
    return Extents(box, area, ~packed.lacking, polygons)


def _once(polygons: list[list[float]], box: np.ndarray) -> float:
    """0..1, the polygons' common area over the sum of theirs, by the pixels that they cover in their box."""
    width, height = np.ceil(box[2:] - np.floor(box[:2])).astype(np.int64).tolist()
    if width * height >= MOST_PIXELS:
        return 1.0
    moved = [(np.reshape(polygon, (-1, 2)) - np.floor(box[:2])).ravel() for polygon in polygons]
    runs = coco_mask.frPyObjects(moved, height, width)
    total = coco_mask.area(runs).sum()
    return float(coco_mask.area(coco_mask.merge(runs)) / total) if total else 1.0


def _of_runs(text: np.ndarray, offsets: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float64 [S, 4] and areas [S] of well-formed strings with at least one pixel."""
    runs = read_runs(text, offsets)
    ends = np.cumsum(runs.values)
    before = np.concatenate([[0], ends])[runs.offsets[:-1]]
    start = ends - runs.values - before[runs.owner]
    ones = np.flatnonzero((runs.position % 2 == 1) & (runs.values > 0))
    owner, length, start = runs.owner[ones], runs.values[ones], start[ones]
    height = heights[owner]
    last = start + length - 1
    left, right, top, bottom = start // height, last // height, start % height, last % height
    spans = left != right  # a run over a column's end reaches both edges
    top, bottom = np.where(spans, 0, top), np.where(spans, height - 1, bottom)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    parts = [np.minimum.reduceat(left, first), np.minimum.reduceat(top, first)]
    parts += [np.maximum.reduceat(right, first) + 1, np.maximum.reduceat(bottom, first) + 1]
    return np.stack(parts, axis=1).astype(np.float64), np.add.reduceat(length, first).astype(np.float64)
