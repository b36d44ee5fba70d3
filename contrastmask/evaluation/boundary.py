"""Boundary IoU of two masks (Cheng et al., Boundary IoU, CVPR 2021, equation 2)."""

from __future__ import annotations

import math

import numpy as np

DILATION_RATIO = 0.02  # of the image's diagonal, as the paper's COCO evaluation takes it


def boundary_width(height: int, width: int, ratio: float = DILATION_RATIO) -> int:
    """Pixels d inside the outline that belong to a boundary, at least 1."""
    return max(1, round(ratio * math.hypot(height, width)))


def mask_boundary(mask: np.ndarray, d: int) -> np.ndarray:
    """The mask's pixels within d pixels (chessboard distance) of its outline; what lies outside the image is outside.

    Args:
        mask: bool ``[H, W]``; what lies around it must be background, be it the rest of the image or no image.

    Returns:
        bool ``[H, W]``.
    """
    height, width = mask.shape
    if min(height, width) <= 2 * d:
        return mask  # nothing is farther than d from a side
    # a square fits where its rows' segments do, one below the other
    inner = _all_of(_all_of(mask, 2 * d + 1).T, 2 * d + 1).T
    result = mask.copy()
    result[d : height - d, d : width - d] &= ~inner
    return result


def _all_of(mask: np.ndarray, length: int) -> np.ndarray:
    """bool ``[H - length + 1, W]``: this row and all others of the ``length`` from it on are set.

    Stretches are doubled, and the last one overlaps with the one before.
    """
    known = 1
    while 2 * known <= length:
        mask = mask[: len(mask) - known] & mask[known:]
        known *= 2
    rest = length - known
    return mask[: len(mask) - rest] & mask[rest:] if rest else mask


def boundary_iou(one: np.ndarray, other: np.ndarray, d: int) -> float:
    """Intersection over union of the two masks' boundaries.

    Args:
        one, other: bool ``[H, W]``, the same part of an image, around which neither has a pixel;
        d: see :func:`boundary_width`.

    Returns:
        0..1; 0 where both masks are empty.
    """
    a, b = mask_boundary(one, d), mask_boundary(other, d)
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 0.0
