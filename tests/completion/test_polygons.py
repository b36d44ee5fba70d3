"""Polygons and back: every pixel, every hole, every part."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from contrastmask.completion.polygons import polygons_of_many, polygons_of_runs


def runs(mask: np.ndarray) -> dict:
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {**rle, "counts": rle["counts"].decode()}


def polygons_of(mask: np.ndarray) -> list[list[int]]:
    return polygons_of_runs(runs(mask))


def drawn(polygons: list[list[int]], height: int, width: int) -> np.ndarray:
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


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
    st.tuples(*[st.integers(1, 12)] * 2),
    st.tuples(*[st.integers(0, 9)] * 4),
)
def test_run_lengths_of_a_part_of_an_image(
    seed: int, density: float, size: tuple[int, int], margins: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = margins
    mask = np.pad(np.random.default_rng(seed).random(size) < density, ((top, bottom), (left, right)))
    polygons = polygons_of(mask)
    np.testing.assert_array_equal(drawn(polygons, *mask.shape), mask)


def test_the_work_follows_the_mask_not_the_image() -> None:
    """A disc far inside 108 million pixels: no array is larger than its runs."""
    height, width, radius = 9000, 12_000, 60
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = x * x + y * y <= radius * radius
    columns = [(int(np.argmax(column)), int(column.sum())) for column in disc.T]
    start = [(7000 + n) * height + 5000 + top for n, (top, _) in enumerate(columns)]
    ends = np.stack([start, np.add(start, [tall for _, tall in columns])], axis=1).ravel()
    counts = np.diff(np.concatenate([[0], ends, [height * width]])).tolist()
    rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    tracemalloc.start()
    (polygon,) = polygons_of_runs({**rle, "counts": rle["counts"].decode()})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1e6
    again = coco_mask.merge(coco_mask.frPyObjects([polygon], height, width))
    assert again["counts"] == rle["counts"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9)), max_size=300))
def test_many_at_once_are_each_as_alone(seeds: list[tuple[int, int, int]]) -> None:
    masks = [runs(np.random.default_rng(seed).random((h, w)) < 0.5) for seed, h, w in seeds]
    assert list(polygons_of_many(masks)) == [polygons_of_runs(mask) for mask in masks]


def test_runs_without_a_background_between_them_are_one() -> None:
    height, width, counts = 4, 3, [1, 1, 0, 2, 0, 4, 2, 0, 2]  # as no encoder writes it, but anyone may
    rle = {"size": [height, width], "counts": written(counts)}
    (polygon,) = polygons_of_runs(rle)
    np.testing.assert_array_equal(drawn([polygon], height, width), coco_mask.decode(rle))
    whole = np.zeros((5, 4), dtype=bool)
    whole[:, 1:3] = True  # one run over two columns
    assert sorted(polygons_of(whole)[0]) == [0, 0, 1, 1, 3, 3, 5, 5]


def written(counts: list[int]) -> str:
    """COCO's compressed form: from the third count on differences to the one two before, 5 bits a character."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(bits + 32 * more + 48)
            if not more:
                break
    return text
