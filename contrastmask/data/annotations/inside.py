"""How far masks lie in their boxes."""

from __future__ import annotations

import numpy as np

INSIDE = 0.8  # of what lies around a mask must lie in its box, a margin of 1 px allowed


def shares_inside(around: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """float64 [A]: how much of the rectangle around each mask lies in its box, both xyxy [A, 4]; NaN where there is no
    mask."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        low = np.maximum(around[:, :2], boxes[:, :2] - 1)
        high = np.minimum(around[:, 2:], boxes[:, 2:] + 1)
        side = np.maximum(around[:, 2:] - around[:, :2], 1e-9)
        return (np.clip(high - low, 0, None) / side).clip(max=1).prod(axis=1)


def ious(around: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """float64 [A], 0..1: the IoU of the rectangle around each mask and its box, both xyxy [A, 4]; 0 where there is no
    mask."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        low, high = np.maximum(around[:, :2], boxes[:, :2]), np.minimum(around[:, 2:], boxes[:, 2:])
        common = np.clip(high - low, 0, None).prod(axis=1)
        both = sum((corners[:, 2:] - corners[:, :2]).prod(axis=1) for corners in (around, boxes)) - common
        return np.nan_to_num(common / both)
