"""Polygons and back: every pixel, every hole, every part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from contrastmask.completion.polygons import polygons_of


def drawn(polygons: list[list[float]], height: int, width: int) -> np.ndarray:
    if not polygons:
        return np.zeros((height, width), dtype=bool)
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))).astype(bool)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 0.8), st.integers(1, 12), st.integers(1, 12))
def test_noise_comes_back_pixel_for_pixel(seed: int, density: float, height: int, width: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < density
    np.testing.assert_array_equal(drawn(polygons_of(mask), height, width), mask)


@pytest.mark.parametrize("scale", [1, 7])
def test_a_ring_with_an_island_is_two_polygons(scale: int) -> None:
    mask = np.zeros((9, 9), dtype=bool)
    mask[1:8, 1:8] = True
    mask[2:7, 2:7] = False
    mask[4, 4] = True
    mask = np.kron(mask, np.ones((scale, scale), dtype=bool))
    polygons = polygons_of(mask)
    assert len(polygons) == 2
    np.testing.assert_array_equal(drawn(polygons, *mask.shape), mask)


def test_corners_only() -> None:
    mask = np.zeros((5, 8), dtype=bool)
    mask[1:4, 2:7] = True
    (polygon,) = polygons_of(mask)
    assert sorted(zip(polygon[::2], polygon[1::2], strict=True)) == [(2, 1), (2, 4), (7, 1), (7, 4)]
    assert polygons_of(np.zeros((4, 4))) == []


def test_pixels_that_touch_at_a_corner_are_two_parts() -> None:
    for mask in (np.eye(2, dtype=bool), np.eye(2, dtype=bool)[::-1]):
        assert sorted(map(len, polygons_of(mask))) == [8, 8]


def test_a_hole_that_touches_the_outside_at_a_corner() -> None:
    mask = np.ones((4, 4), dtype=bool)
    mask[1, 1] = mask[0, 0] = False
    np.testing.assert_array_equal(drawn(polygons_of(mask), 4, 4), mask)
