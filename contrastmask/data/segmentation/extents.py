"""Where each mask of a file lies and how much of that it fills, without drawing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrastmask.data.columns import blocks
from contrastmask.data.segmentation.check import SOUND, Packed
from contrastmask.data.segmentation.rle import part, read_runs


@dataclass(frozen=True, eq=False)
class Extents:
    """Per row, NaN where it has no sound segmentation.

    Attributes:
        box: float64 [A, 4], xyxy, around the polygons (as drawn, also outside the image) or the pixels of run lengths.
        area: float64 [A], px², of the polygons, overlaps counted twice, or of the pixels.
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
    rows = np.flatnonzero((np.diff(table.run_rows) > 0) & ~packed.lacking)
    if len(rows):
        chosen = table.take(rows)
        for block in blocks(chosen.run_rows):
            here = rows[block]
            box[here], area[here] = _of_runs(*part(chosen.runs, chosen.run_rows, block), heights[here])
    return Extents(box, area, ~packed.lacking, polygons)


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
