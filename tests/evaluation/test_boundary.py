"""Boundary IoU beside a definition by distances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from contrastmask.evaluation.boundary import boundary_iou, boundary_width, mask_boundary


def plain_boundary(mask: np.ndarray, d: int) -> np.ndarray:
    """d times an erosion by 3x3, the image surrounded by background: the paper's own procedure."""
    padded = np.pad(mask, 1)
    return mask & ~ndimage.binary_erosion(padded, np.ones((3, 3)), iterations=d)[1:-1, 1:-1]


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("seed", range(6))
def test_boundaries_and_overlap(seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    masks = [ndimage.gaussian_filter(rng.normal(size=(37, 52)), 4) > 0.01 * k for k in range(2)]
    for mask in masks:
        np.testing.assert_array_equal(mask_boundary(mask, d), plain_boundary(mask, d))
    a, b = (plain_boundary(m, d) for m in masks)
    assert boundary_iou(*masks, d) == pytest.approx((a & b).sum() / (a | b).sum())


def test_a_crop_decides_nothing() -> None:
    one, other = np.zeros((2, 60, 80), dtype=bool)
    one[20:40, 0:30], other[22:44, 3:31] = True, True
    a, b = plain_boundary(one, 4), plain_boundary(other, 4)
    assert boundary_iou(one, other, 4) == (a & b).sum() / (a | b).sum()


def test_ends() -> None:
    empty, full = np.zeros((8, 8), dtype=bool), np.ones((8, 8), dtype=bool)
    assert boundary_iou(empty, empty, 2) == 0.0
    assert boundary_iou(full, empty, 2) == 0.0
    assert boundary_iou(full, full, 2) == 1.0
    assert boundary_width(480, 640) == 16
    assert boundary_width(10, 10) == 1
