"""How masks lie in the boxes that they were made for: agreement, parts, filling, sides reached; many masks at once.

Parts are pixels joined along edges, as in :mod:`contrastmask.completion.polygons`: pixels that touch at a corner only
are different parts. They are found on the columns' runs, without a picture: two runs of neighbouring columns that
overlap belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contrastmask.data.columns import blocks, offsets_of
from contrastmask.data.segmentation.rle import part, read_runs

SIDES = ("left", "top", "right", "bottom")
REACH = 1.0  # px between a mask and a side of its box that it still touches: boxes are drawn to fractions of a pixel


@dataclass(frozen=True, eq=False)
class MaskFigures:
    """Figures of N masks; zeros and False where a mask has no pixel.

    Attributes:
        box_agreement: float64 [N] in 0..1, IoU of the box around the mask's pixels with the given box.
        components: int64 [N], parts of the mask. largest_share: float64 [N] in 0..1, the largest part's share of it.
        box_filled: float64 [N] in 0..1, share of the given box that the mask's pixels cover.
        touches: bool [N, 4], the mask reaches the box's left, top, right, bottom side to within ``REACH`` px.
    """

    box_agreement: np.ndarray
    components: np.ndarray
    largest_share: np.ndarray
    box_filled: np.ndarray
    touches: np.ndarray


def measure_masks(counts: Sequence[bytes | str], heights: np.ndarray, boxes: np.ndarray) -> MaskFigures:
    """Measure masks given as compressed COCO run lengths that have been checked.

    Args:
        counts: N strings. heights: int64 [N] of their images.
        boxes: float [N, 4] xyxy in pixels, sides above 0.
    """
    heights, boxes = np.asarray(heights, dtype=np.int64), np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    encoded = [one.encode("ascii") if isinstance(one, str) else one for one in counts]
    text = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    offsets = offsets_of(np.array([len(one) for one in encoded], dtype=np.int64))
    found = [
        _measure(*part(text, offsets, block), heights[block], boxes[block]) for block in (*blocks(offsets), slice(0, 0))
    ]
    return MaskFigures(*(np.concatenate([getattr(one, name) for one in found]) for name in vars(found[0])))


def _measure(text: np.ndarray, offsets: np.ndarray, heights: np.ndarray, boxes: np.ndarray) -> MaskFigures:
    number = len(heights)
    owner, column, top, bottom = _column_runs(text, offsets, heights)
    length = bottom - top
    components, largest = _parts(owner, column, top, bottom, heights, number)
    area = np.bincount(owner, length, number)
    own = np.full((number, 4), np.inf)
    own[:, 2:] = -np.inf
    first = np.flatnonzero(np.diff(owner, prepend=-1))  # runs are sorted by mask and column
    if len(first):
        last = np.append(first[1:], len(owner)) - 1
        sides = column[first], np.minimum.reduceat(top, first), column[last] + 1, np.maximum.reduceat(bottom, first)
        own[owner[first]] = np.stack(sides, axis=1)
    inside = (np.minimum(own[:, 2:], boxes[:, 2:]) - np.maximum(own[:, :2], boxes[:, :2])).clip(0).prod(axis=1)
    given = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    whole = np.where(area > 0, (own[:, 2:] - own[:, :2]).clip(0).prod(axis=1), 0)
    left, upper, right, lower = boxes[owner].T
    high = (np.minimum(bottom, lower) - np.maximum(top, upper)).clip(0)
    wide = (np.minimum(column + 1, right) - np.maximum(column, left)).clip(0)
    touches = np.concatenate([own[:, :2] <= boxes[:, :2] + REACH, own[:, 2:] >= boxes[:, 2:] - REACH], axis=1)
    return MaskFigures(
        inside / (given + whole - inside),
        components,
        largest / np.maximum(area, 1),
        np.bincount(owner, high * wide, number) / given,
        touches,
    )


def _column_runs(text: np.ndarray, offsets: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, ...]:
    """The foreground as runs within one column each: owner, column, first row, row behind the last; int64 [S] each."""
    runs = read_runs(text, offsets)
    ends = np.cumsum(runs.values)
    before = np.concatenate([[0], ends])[runs.offsets[:-1]]
    ones = np.flatnonzero((runs.position % 2 == 1) & (runs.values > 0))
    owner = runs.owner[ones]
    stop = ends[ones] - before[owner]
    start, height = stop - runs.values[ones], heights[owner]
    first, last = start // height, (stop - 1) // height
    columns = last - first + 1
    nth = np.arange(columns.sum()) - np.repeat(np.cumsum(columns) - columns, columns)
    owner, height, first, last = (np.repeat(values, columns) for values in (owner, height, first, last))
    start, stop = np.repeat(start, columns), np.repeat(stop, columns)
    column = first + nth
    return (
        owner,
        column,
        np.where(nth == 0, start - first * height, 0),
        np.where(column == last, stop - last * height, height),
    )


def _parts(
    owner: np.ndarray, column: np.ndarray, top: np.ndarray, bottom: np.ndarray, heights: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Number of parts int64 [N], and pixels of the largest, float64 [N]."""
    columns = np.zeros(number, dtype=np.int64)
    last = np.flatnonzero(np.diff(owner, append=-1))
    columns[owner[last]] = column[last] + 1
    # all masks' columns one below the other; an empty column before each mask keeps it from its predecessor
    base = offsets_of((columns + 1) * heights)[:-1] + heights
    height = heights[owner]
    start = base[owner] + column * height + top
    stop = start + bottom - top
    low, high = np.searchsorted(stop, start - height, "right"), np.searchsorted(start, stop - height, "left")
    meets = (high - low).clip(0)
    one = np.repeat(np.arange(len(owner)), meets)
    other = np.arange(len(one)) - np.repeat(np.cumsum(meets) - meets, meets) + np.repeat(low, meets)
    # a part begins with a run that meets none before it: where only one does, there is one part
    begins = np.bincount(owner[meets == 0], minlength=number)
    components, largest = np.minimum(begins, 1), np.bincount(owner, bottom - top, number)
    open_ = np.flatnonzero((begins > 1)[owner])
    if len(open_):
        place = np.cumsum((begins > 1)[owner]) - 1  # of each run among those
        edges = (begins > 1)[owner[one]]
        label = _least_of_each(place[one[edges]], place[other[edges]], len(open_))
        roots = label == np.arange(len(label))
        pixels, owners = np.bincount(label, (bottom - top)[open_], len(label)), owner[open_][roots]
        largest[owners] = 0
        np.maximum.at(largest, owners, pixels[roots])
        np.copyto(components, np.bincount(owners, minlength=number), where=begins > 1)
    return components, largest


def _least_of_each(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Of every node the least node that it is connected to, over edges one-other; int64 [count]."""
    label = np.arange(count)
    while True:
        least = np.minimum(label[one], label[other])
        fresh = label.copy()
        np.minimum.at(fresh, label[one], least)
        np.minimum.at(fresh, label[other], least)
        fresh = fresh[fresh]
        if np.array_equal(fresh, label):
            return label
        label = fresh
