"""Figures of masks in their boxes, each beside a slow twin that looks at pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from contrastmask.data.columns import BLOCK
from contrastmask.data.segmentation.figures import SIDES, measure_masks


def encoded(mask: np.ndarray) -> bytes:
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]


def parts_of(mask: np.ndarray) -> list[int]:
    """Pixels of each part, by walking over neighbours along edges."""
    rest, sizes = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}, []
    while rest:
        front, size = [rest.pop()], 0
        while front:
            y, x = front.pop()
            size += 1
            for beside in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if beside in rest:
                    rest.remove(beside)
                    front.append(beside)
        sizes.append(size)
    return sizes


def slow(mask: np.ndarray, box: np.ndarray) -> tuple[float, int, float, float, list[bool]]:
    sizes, (left, top, right, bottom) = parts_of(mask), box
    if not sizes:
        return 0.0, 0, 0.0, 0.0, [False] * 4
    ys, xs = np.nonzero(mask)
    own = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    covered = sum(
        max(0.0, min(x + 1, right) - max(x, left)) * max(0.0, min(y + 1, bottom) - max(y, top))
        for y, x in zip(ys, xs, strict=True)
    )
    both = max(0, min(own[2], right) - max(own[0], left)) * max(0, min(own[3], bottom) - max(own[1], top))
    given_area = (right - left) * (bottom - top)
    agreement = both / (given_area + (own[2] - own[0]) * (own[3] - own[1]) - both)
    touches = [own[0] <= left + 1, own[1] <= top + 1, own[2] >= right - 1, own[3] >= bottom - 1]
    return agreement, len(sizes), max(sizes) / sum(sizes), covered / given_area, touches


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_figures_are_those_of_the_pixels(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    masks, boxes = [], []
    for _ in range(data.draw(st.integers(1, 8))):
        height, width = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 14))
        masks.append(random.random((height, width)) < data.draw(st.sampled_from([0, 0.3, 0.5, 0.7, 0.95, 1])))
        corner = random.uniform(0, [width, height]) * 0.8
        boxes.append([*corner, *(corner + random.uniform(0.5, 8, 2))])
    found = measure_masks([encoded(m) for m in masks], np.array([len(m) for m in masks]), np.array(boxes))
    for n, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
        agreement, components, largest, filled, touches = slow(mask, np.array(box))
        assert abs(found.box_agreement[n] - agreement) < 1e-9
        assert (found.components[n], found.touches[n].tolist()) == (components, touches)
        assert abs(found.largest_share[n] - largest) < 1e-9
        assert abs(found.box_filled[n] - filled) < 1e-9


def test_known_masks() -> None:
    spiral = np.zeros((9, 9), bool)
    spiral[0], spiral[:, 8], spiral[8], spiral[2:, 0], spiral[2, :7], spiral[2:7, 6], spiral[6, 2:7] = [True] * 7
    corner = np.eye(4, dtype=bool)  # pixels that touch at corners only
    full = np.ones((5, 7), bool)
    boxes = np.array([[0, 0, 9, 9], [0, 0, 4, 4], [0, 0, 7, 5]])
    found = measure_masks([encoded(m) for m in (spiral, corner, full)], np.array([9, 4, 5]), boxes)
    assert found.components.tolist() == [1, 4, 1]
    assert found.largest_share.tolist() == [1, 0.25, 1]
    assert found.box_agreement.tolist() == [1, 1, 1]
    assert found.box_filled.tolist() == [spiral.sum() / 81, 0.25, 1]
    assert found.touches.all()
    assert SIDES == ("left", "top", "right", "bottom")


def test_blocks_do_not_change_a_figure() -> None:
    masks = [np.random.default_rng(n).random((3, 5)) < 0.6 for n in range(50)]
    counts, boxes = [encoded(m) for m in masks], np.tile([0.0, 0, 5, 3], (50, 1))
    once = measure_masks(counts, np.full(50, 3), boxes)
    times = 3 * BLOCK // sum(map(len, counts))
    assert times > 1
    many = measure_masks(counts * times, np.full(50 * times, 3), np.tile(boxes, (times, 1)))
    for name, values in vars(once).items():
        np.testing.assert_array_equal(getattr(many, name), np.concatenate([values] * times))
    assert len(measure_masks([], np.zeros(0), np.zeros((0, 4))).components) == 0
