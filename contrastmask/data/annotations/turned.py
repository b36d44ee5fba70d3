"""Boxes that were turned: CVAT's COCO files have them before the turn, and the angle under `attributes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.columns import numbers
from contrastmask.data.segmentation.check import lacks_mask

ANGLE = "rotation"  # degrees, clockwise on the screen, about the box's centre
FEWEST = 0.5  # px that a side has to move
REASON = f"box is turned by its attributes.{ANGLE}, and the file has it before the turn"


def settle_turned(
    xywh: np.ndarray,
    attributes: Sequence[Any],
    raw: Sequence[Any],
    predicted: np.ndarray,
    size: np.ndarray,
    sieve: Sieve,
    *,
    repair: bool,
) -> np.ndarray:
    """Count turned boxes of objects without a mask that a person drew, which tells where the object is.

    Args:
        xywh: float64 [A, 4]. attributes, raw: the rows' `attributes` and `segmentation`. predicted: bool [A], a model
            made the mask. size: int64 [A, 2], (W, H).

    Returns:
        float64 [A, 4]; with `repair` the upright boxes around the turned ones.
    """
    angles = np.nan_to_num(numbers([v.get(ANGLE) if type(v) is dict else None for v in attributes]), posinf=0, neginf=0)
    rows = np.flatnonzero((angles != 0) & np.isfinite(xywh).all(axis=1))
    rows = rows[predicted[rows] | lacks_mask([raw[row] for row in rows.tolist()], size[rows, 1], size[rows, 0])]
    turned, radians = xywh.copy(), np.radians(angles[rows])
    sides, sine, cosine = xywh[rows, 2:], np.abs(np.sin(radians)), np.abs(np.cos(radians))
    with np.errstate(over="ignore", invalid="ignore"):
        turned[rows, 2:] = np.stack([cosine, sine], 1) * sides[:, :1] + np.stack([sine, cosine], 1) * sides[:, 1:]
        turned[rows, :2] += (sides - turned[rows, 2:]) / 2
        moved = (np.abs(turned - xywh) > FEWEST).any(axis=1)
    if repair:
        sieve.count("repaired", moved, f"{REASON}: the upright box around it")
        return np.where(moved[:, None], turned, xywh)
    sieve.count("warning", moved, REASON, "data.repair=true takes the upright box around it")
    return xywh
