"""Masks with x and y exchanged: polygons as scikit-image's `find_contours` gives them, y first, and run lengths that go
row by row, as numpy's `ravel` does, where COCO's go column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.annotations.inside import INSIDE, ious, shares_inside
from contrastmask.data.segmentation.check import Packed
from contrastmask.data.segmentation.extents import Extents, mask_extents

EXCHANGED = "x and y are exchanged, polygons with y first or run lengths that go row by row"
EXCHANGES = "data.repair=true exchanges them"
AGREES = 0.5  # IoU of a box and what lies around the mask with x and y exchanged


def exchanged_rows(
    packed: Packed, masks: Extents, boxes: np.ndarray, size: np.ndarray, stray: np.ndarray
) -> np.ndarray:
    """bool [A]: the mask fits its box better with x and y exchanged; nowhere unless that explains most of the strays.

    Args:
        boxes: float64 [A, 4], xyxy. size: int64 [A, 2], the images' (W, H). stray: bool [A], the mask does not lie in
            its box.
    """
    none = np.zeros(len(boxes), dtype=bool)
    if not stray.any():
        return none
    # read column by column of an image on its side, run lengths that go row by row are that image's
    other = mask_extents(packed, size[:, 0]).box[:, [1, 0, 3, 2]]
    agreement = ious(other, boxes)
    fits = (agreement >= AGREES) & (agreement > ious(masks.box, boxes)) & (shares_inside(other, boxes) >= INSIDE)
    fits &= masks.present | masks.outline
    return fits if 2 * (fits & stray).sum() >= stray.sum() else none


def exchanged(segmentation: Any, height: int, width: int) -> Any:
    """A sound segmentation with x and y exchanged: polygons, or run lengths of an image of this size."""
    if isinstance(segmentation, list):
        return [np.reshape(polygon, (-1, 2))[:, ::-1].ravel().tolist() for polygon in segmentation]
    on_its_side = coco_mask.decode({"size": [width, height], "counts": segmentation["counts"]})
    return coco_mask.encode(np.asfortranarray(on_its_side.T))
