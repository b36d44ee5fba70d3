"""Areas of objects: the file's, or measured where it has none that can be used."""

from __future__ import annotations

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.segmentation.check import rasterise
from contrastmask.data.segmentation.extents import Extents
from contrastmask.data.segmentation.table import SegmentationTable

# A box is measured from pixel centre to pixel centre or rounded, an area counts whole pixels or was measured before an
# outline was simplified: what exceeds both margins is no measure of this object.
SHORT = 2  # px that a box may lack of each side
MARGIN = 1.1
LARGE = "area is larger than the object's box"
MEASURED = "measured on the mask or box"


def too_large(area: np.ndarray, xywh: np.ndarray, boxes: np.ndarray, masks: Extents) -> np.ndarray:
    """bool [A]: the area exceeds by more than is measured in other ways the file's box, the box as read and the mask.

    Args:
        area: float64 [A], px². xywh: float64 [A, 4], as in the file. boxes: float64 [A, 4], xyxy, inside the image.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sides = np.fmax(xywh[:, 2:], boxes[:, 2:] - boxes[:, :2])
        most = np.fmax((np.fmax(sides, 0) + SHORT).prod(axis=1), np.where(masks.present, masks.area, 0))
        return np.isfinite(area) & (area > MARGIN * most)


def positive_areas(
    area: np.ndarray,
    boxes: np.ndarray,
    table: SegmentationTable,
    has_mask: np.ndarray,
    size: np.ndarray,
    sieve: Sieve,
    *,
    large: np.ndarray,
    repair: bool,
) -> np.ndarray:
    """The file's areas [A]; where they are no positive number, and with `repair` where they are too `large`, bool [A],
    the mask's or else the box's."""
    wrong = ~(np.isfinite(area) & (area > 0)) & sieve.alive
    sieve.count("repaired", wrong, f"area missing or not positive: {MEASURED}")
    if repair:
        sieve.count("repaired", large, f"{LARGE}: {MEASURED}")
        wrong |= large & sieve.alive
    else:
        remedy = "figures by object size follow it; data.repair=true measures it on the mask or box"
        sieve.count("warning", large, LARGE, remedy)
    area = area.copy()
    for row in np.flatnonzero(wrong):
        width, height = size[row].tolist()
        if has_mask[row]:
            area[row] = rasterise(table.get(row, height, width), height, width).sum(dtype=np.int64)
        else:
            area[row] = (boxes[row, 2:] - boxes[row, :2]).prod()
    return area
