"""New masks beside boxes that the file has in another form than pixels: only this program reads both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastmask.data.annotations.inside import ious
from contrastmask.data.columns import quadruples
from contrastmask.data.records import Records

SAME = 0.9  # IoU of the box as read and as every other program reads it
ADVICE = "other programs see masks outside their boxes. Mend the boxes in the file, and complete that"


def rows_apart(rows: list[Any], records: Records, completed: Sequence[int]) -> int:
    """How many of the completed rows have a box that was read otherwise than as x, y, width, height in pixels.

    There are none but by ``data.repair``.

    Args:
        rows: the file's list ``annotations``. completed: annotations of the records.
    """
    a = np.array(completed, dtype=np.int64)
    xyxy = quadruples([rows[place].get("bbox") for place in records.rows[a].tolist()])
    xyxy[:, 2:] += xyxy[:, :2]
    images = records.images_of(a)
    sides = np.stack([records.widths[images], records.heights[images]] * 2, axis=1)
    agree = ious(np.clip(xyxy, 0, sides), records.boxes[a].astype(np.float64)) >= SAME
    return int((~agree & np.isfinite(xyxy).all(axis=1)).sum())
