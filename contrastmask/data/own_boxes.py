"""Boxes as read beside those that the file has."""

from __future__ import annotations

import numpy as np

from contrastmask.data.annotations.inside import ious
from contrastmask.data.records import Records

SAME = 0.9  # IoU of a box as read and as every other program reads it


def boxes_agree(records: Records, annotations: np.ndarray, xywh: np.ndarray) -> np.ndarray:
    """bool [N]: the box was read as the file has it, x, y, width, height in pixels, cut at its image's edges.

    Args:
        annotations: int64 [N], of the records. xywh: float64 [N, 4], the file's.
    """
    images = records.images_of(annotations)
    sides = np.stack([records.widths[images], records.heights[images]] * 2, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return ious(np.clip(xyxy, 0, sides), records.boxes[annotations].astype(np.float64)) >= SAME
