"""What lies in what: polygons of one object."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.data.segmentation.check import decode
from contrastmask.data.segmentation.nesting import nesting, with_holes


def square(left: float, top: float, side: float) -> list[float]:
    return [left, top, left + side, top, left + side, top + side, left, top + side]


def holes_of(*objects: list[list[float]]) -> list[int]:
    polygons = [polygon for parts in objects for polygon in parts]
    offsets = np.cumsum([0, *map(len, polygons)])
    found = nesting(np.concatenate(polygons), offsets, np.cumsum([0, *map(len, objects)]))
    return found.hole.astype(int).tolist()


RING = [square(10, 10, 40), square(20, 20, 20)]
HORSESHOE = [10, 10, 50, 10, 50, 50, 40, 50, 40, 20, 20, 20, 20, 50, 10, 50]


@pytest.mark.parametrize(
    ("parts", "holes"),
    [
        (RING, [0, 1]),
        (RING[::-1], [1, 0]),
        ([*RING, square(25, 25, 8)], [0, 1, 0]),
        ([*RING, square(60, 10, 20), square(65, 12, 5)], [0, 1, 0, 1]),
        ([RING[0], [*RING[1][::-1]]], [0, 1]),  # turned the other way round
        ([RING[0], *RING], [0, 0, 1]),  # the outer one twice
        ([*RING, RING[1]], [0, 1, 1]),  # the hole twice
        ([RING[0], square(12, 12, 45), RING[1]], [0, 0, 1]),  # two parts that overlap, around one hole
        ([*RING, square(22, 22, 15), square(25, 25, 5), square(26, 26, 2)], [0, 1, 0, 1, 0]),
        ([square(10, 10, 40), square(10, 20, 20)], [0, 1]),  # a hole that touches the edge
        ([square(10, 10, 40), square(9.5, 20, 20)], [0, 1]),  # rounded
        ([square(10, 10, 40), square(10, 10, 40)], [0, 0]),  # the same twice
        ([square(10, 10, 40), square(50, 10, 20)], [0, 0]),  # side by side
        ([square(10, 10, 40), square(40, 20, 20)], [0, 0]),  # overlapping
        ([HORSESHOE, square(26, 28, 8)], [0, 0]),  # in the box, not in the outline
        ([HORSESHOE, square(22, 12, 6)], [0, 1]),
        ([HORSESHOE, [20.5, 22, 39.5, 22, 39.5, 23, 20.5, 23]], [0, 0]),  # within a pixel of the edges alone
        ([HORSESHOE, [12, 15, 48, 15, 48, 45, 45, 45, 45, 18, 15, 18, 15, 45, 12, 45]], [0, 1]),
        ([HORSESHOE, [12, 45, 48, 45, 48, 48, 12, 48]], [0, 0]),  # corners inside, the edge between them not
        ([square(10, 10, 40), square(20, 20, 0.5)], [0, 0]),  # a slip of the hand
        ([square(10, 10, 40), [20, 20, 30, 20, 40, 20]], [0, 0]),  # a line
    ],
)
def test_which_polygons_are_holes(parts: list[list[float]], holes: list[int]) -> None:
    assert holes_of(parts) == holes


def test_polygons_of_other_objects_do_not_count() -> None:
    assert holes_of([RING[0]], [RING[1]], RING, [], [RING[1], square(60, 60, 5)]) == [0, 0, 0, 1, 0, 0]


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    """The pixels, and those up to so many beside them."""
    steps = range(-by, by + 1)
    return np.any([np.roll(mask, (dy, dx), (0, 1)) for dy in steps for dx in steps], axis=0)


def test_many_objects_and_long_outlines_agree_with_pixels() -> None:
    """Blobs at random, two to an object, among single ones and with outlines that fill a block by themselves."""
    generator, objects = np.random.default_rng(5), []
    for number in range(400):
        parts = []
        for _ in range(2 if number % 3 else 1):
            corners = int(generator.integers(3, 400))
            angle = np.sort(generator.uniform(0, 2 * np.pi, corners))
            radius = generator.uniform(5, 60) * generator.uniform(0.9, 1, corners)
            centre = generator.uniform(90, 110, (2, 1))
            parts.append((centre + radius * np.stack([np.cos(angle), np.sin(angle)])).T.ravel().tolist())
        objects.append(parts)
    found, told = np.split(np.array(holes_of(*objects)), np.cumsum([len(parts) for parts in objects])), [0, 0]
    for parts, holes in zip(objects, found, strict=False):
        masks = [decode([part], 200, 200).astype(bool) for part in parts]
        order = np.argsort([mask.sum() for mask in masks])
        small, large = order[0], order[-1]
        assert not holes[large]
        inner, outer = masks[small], masks[large]
        inside, outside = not (grown(inner, 2) & ~outer).any(), (inner & ~grown(outer, 2)).any()
        if len(parts) > 1 and (inside or outside):
            assert holes[small] == inside
            told[inside] += 1
    assert min(told) > 50


def test_long_outlines_take_little_memory() -> None:
    """Of two million pairs of corner and edge at once each number would take megabytes."""
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    parts = [(500 + radius * circle).ravel() for radius in (400, 300, 200)]
    tracemalloc.start()
    assert holes_of(parts) == [0, 1, 0]
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_holes_are_cut_out_and_islands_stay() -> None:
    parts = [*RING, square(25, 25, 8), square(60, 10, 20)]
    mask = coco_mask.decode(with_holes(parts, np.array(holes_of(parts)) > 0, 80, 100))
    assert mask.sum() == 40**2 - 20**2 + 8**2 + 20**2
    assert [mask[12, 12], mask[22, 22], mask[28, 28], mask[12, 62]] == [1, 0, 1, 1]
    bar = [30, 25, 90, 25, 90, 30, 30, 30]  # begins in the hole and is a part of its own
    around = [RING[0], square(12, 12, 45), RING[1], bar]
    mask = coco_mask.decode(with_holes(around, np.array(holes_of(around)) > 0, 80, 100))
    union = decode(around[:2], 80, 100)
    union[20:40, 20:40] = 0
    union[25:30, 30:90] = 1
    assert (mask == union).all()
    assert with_holes([square(1, 1, 3), square(1, 1, 3)], np.array([False, True]), 80, 100) is None
