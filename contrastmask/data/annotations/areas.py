"""Areas of objects: the file's, or measured where it has none that can be used."""

from __future__ import annotations

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.segmentation.check import rasterise
from contrastmask.data.segmentation.table import SegmentationTable


def positive_areas(
    area: np.ndarray,
    boxes: np.ndarray,
    table: SegmentationTable,
    has_mask: np.ndarray,
    size: np.ndarray,
    sieve: Sieve,
) -> np.ndarray:
    """The file's areas [A]; where they are no positive number, the mask's or else the box's."""
    wrong = ~(np.isfinite(area) & (area > 0)) & sieve.alive
    sieve.count("repaired", wrong, "area missing or not positive: measured on the mask or box")
    area = area.copy()
    for row in np.flatnonzero(wrong):
        width, height = size[row].tolist()
        if has_mask[row]:
            area[row] = rasterise(table.get(row, height, width), height, width).sum(dtype=np.int64)
        else:
            area[row] = (boxes[row, 2:] - boxes[row, :2]).prod()
    return area
