"""Inputs of the golden figures ``sets``, ``sets_fuzz`` and ``infoloss``, drawn again with numpy's MT19937.

The order of the draws is part of the figures: change a line here and the goldens no longer belong to the inputs.
"""

from __future__ import annotations

import numpy as np

SIDE = 28
FLAT_CAM = 0.37
# rows of make_sets whose mask is constant: the released distance transform then marks two cells of no edge
CONSTANT_MASK_ROWS = (17, 18, 26)
# row without mask and with a flat CAM: NaN in the released code, zeros here
NAN_ROW = 25
# kept RoIs, positive keys, negative keys, temperature
INFO_CASES = (
    (5, 2, 2, 0.3),
    (5, 2, 2, 0.7),
    (1, 6, 3, 0.3),
    (3, 3, 6, 0.7),
    (2, 12, 1, 0.3),
    (4, 1, 12, 0.3),
    (2, 5, 5, 0.7),
    (7, 20, 30, 0.3),
)


def ellipse(random: np.random.RandomState) -> np.ndarray:
    """A sheared ellipse, bool ``[28, 28]``; takes five numbers."""
    x, y, width, height, shear = random.rand(5)
    row, column = np.indices((SIDE, SIDE), dtype=np.float64)
    dx, dy = column - (6 + 16 * x), row - (6 + 16 * y)
    return ((dx + (2 * shear - 1) * dy) / (3 + 9 * width)) ** 2 + (dy / (3 + 9 * height)) ** 2 < 1


def rectangle(random: np.random.RandomState) -> np.ndarray:
    """An upright rectangle, cut at the frame, bool ``[28, 28]``; takes four numbers."""
    x, y, width, height = random.rand(4)
    return _box(int(y * 20), int(x * 20), 3 + int(height * 18), 3 + int(width * 18))


def _box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def _double(maps: np.ndarray, axis: int) -> np.ndarray:
    """Bilinear doubling along one axis (``align_corners=False``), float64."""
    maps = np.moveaxis(maps, axis, -1)
    padded = np.pad(maps, [(0, 0)] * (maps.ndim - 1) + [(1, 1)], mode="edge")
    out = np.empty((*maps.shape[:-1], 2 * maps.shape[-1]))
    out[..., 0::2] = 0.25 * padded[..., :-2] + 0.75 * maps
    out[..., 1::2] = 0.75 * maps + 0.25 * padded[..., 2:]
    return np.moveaxis(out, -1, axis)


def smooth_cams(random: np.random.RandomState, count: int) -> np.ndarray:
    """Random 7x7 maps enlarged to 28x28, float32 ``[count, 28, 28]``."""
    maps = random.randn(count, 7, 7)
    for _ in range(2):
        maps = _double(_double(maps, 1), 2)
    return maps.astype(np.float32)


def make_sets(seed: int = 101) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """27 masks, plain ones and odd ones: masks bool, cams float32 ``[27, 28, 28]``, has_mask bool ``[27]``."""
    random = np.random.RandomState(seed)
    masks = [ellipse(random) for _ in range(8)] + [rectangle(random) for _ in range(5)]
    masks += [_box(13, 4, 1, 20), _box(3, 9, 22, 1), _box(10, 2, 2, 24)]  # bars of one and two cells
    diagonal = np.zeros((SIDE, SIDE), bool)
    diagonal[range(3, 25), range(3, 25)] = True
    masks += [diagonal, _box(0, 0, 0, 0), _box(0, 0, SIDE, SIDE), _box(14, 11, 1, 1)]  # ..., empty, full, one cell
    masks += [_box(0, 0, SIDE, 14), _box(0, 0, 10, 10)]
    masks += [random.rand(SIDE, SIDE) > 0.5, ~_box(0, 0, 1, 1)]
    masks += [ellipse(random), ellipse(random), _box(0, 0, 0, 0)]
    cams = smooth_cams(random, len(masks))
    cams[-3:] = FLAT_CAM
    has_mask = np.ones(len(masks), bool)
    has_mask[[2, 5, 9, 14, 21, NAN_ROW]] = False
    return np.stack(masks), cams, has_mask


def make_fuzz(seed: int = 102, count: int = 256) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ellipses, rectangles and torn shapes, every fifth RoI without mask; as :func:`make_sets`."""
    random = np.random.RandomState(seed)
    masks = []
    for i in range(count):
        if i % 4 == 3:
            first, second, hole = ellipse(random), ellipse(random), rectangle(random)
            masks.append((first | second) & ~hole)
        else:
            masks.append(rectangle(random) if i % 4 == 2 else ellipse(random))
    return np.stack(masks), smooth_cams(random, count), np.arange(count) % 5 != 4


def make_info(seed: int = 501) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per case of ``INFO_CASES``: queries of the kept RoIs ``[K, 256]``, positive and negative keys, float32."""
    random = np.random.RandomState(seed)
    cases = []
    for kept, positives, negatives, _ in INFO_CASES:
        queries = random.randn(kept, 256)
        keys = []
        for count in (positives, negatives):
            along = random.rand(count) * 4 - 1
            keys.append(along[:, None] * queries.mean(0) + 0.3 * random.randn(count, 256))
        cases.append(tuple(x.astype(np.float32) for x in (queries, *keys)))
    return cases
