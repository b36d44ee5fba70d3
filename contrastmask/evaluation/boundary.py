"""Boundary IoU of two masks (Cheng et al., Boundary IoU, CVPR 2021, equation 2)."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

DILATION_RATIO = 0.02  # of the image's diagonal, as the paper's COCO evaluation takes it


def boundary_width(height: int, width: int, ratio: float = DILATION_RATIO) -> int:
    """Pixels d inside the outline that belong to a boundary, at least 1."""
    return max(1, round(ratio * math.hypot(height, width)))


def mask_boundary(mask: np.ndarray, d: int) -> np.ndarray:
    """The mask's pixels within d pixels (chessboard distance) of its outline; what lies outside the image is outside.

    Args:
        mask: bool ``[H, W]``.

    Returns:
        bool ``[H, W]``.
    """
    outside = F.pad(1.0 - torch.from_numpy(mask.astype(np.float32))[None], (d, d, d, d), value=1.0)
    # a square's maximum is a column's and then a row's
    near = F.max_pool2d(F.max_pool2d(outside, (2 * d + 1, 1), stride=1), (1, 2 * d + 1), stride=1)[0]
    return mask & (near.numpy() > 0)


def boundary_iou(one: np.ndarray, other: np.ndarray, d: int) -> float:
    """Intersection over union of the two masks' boundaries.

    Args:
        one, other: bool ``[H, W]``, the same image; d: see :func:`boundary_width`.

    Returns:
        0..1; 0 where both masks are empty.
    """
    either = one | other
    if not either.any():
        return 0.0
    # what is farther away than d from both masks decides nothing; the crop keeps one pixel of it where there is any
    rows, columns = np.flatnonzero(either.any(1)), np.flatnonzero(either.any(0))
    crop = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    a, b = mask_boundary(one[crop], d), mask_boundary(other[crop], d)
    return float((a & b).sum() / (a | b).sum())
