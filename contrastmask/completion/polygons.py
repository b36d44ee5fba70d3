"""A mask as COCO polygons along its pixels' edges: parts and holes are kept, at a cost that follows the mask alone.

A directed edge runs between a foreground pixel, on its right hand, and a background one. Edges are numbered by
direction and corner; the one that follows each is found for all at once, so that a ring is a walk along one list.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contrastmask.data.segmentation.rle import read_runs

_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up along pixel edges (y grows downwards)


def polygons_of(mask: np.ndarray, origin: tuple[int, int] = (0, 0)) -> list[list[float]]:
    """The outlines of a mask, as COCO stores them.

    COCO has no holes and takes the union of an annotation's polygons. A hole is therefore made part of the outline
    around it by a slit without width, walked once in each direction: it encloses nothing, and every filling rule
    (even-odd as pycocotools', or non-zero winding) leaves the hole empty.

    Args:
        mask: bool or {0, 1} ``[H, W]``. Pixels that touch at a corner only are different parts.
        origin: (x, y) of its upper left pixel in the image.

    Returns:
        one ``[x0, y0, x1, y1, …]`` a part, in pixels; empty for an empty mask.
    """
    rings, part = _rings(np.asarray(mask, dtype=bool))
    paths = {number: [ring] for number, ring in enumerate(rings) if part[number] == number}
    for hole, around in zip(rings, part, strict=True):
        path = paths[around]
        if hole is not path[0]:
            path += [path[0][:1], hole, hole[:1]]
    for path in paths.values():
        if len(path) > 1:
            path.append(path[0][:1])
    return [(np.concatenate(path) + origin).astype(float).ravel().tolist() for path in paths.values()]


def polygons_of_runs(rle: dict[str, Any]) -> list[list[float]]:
    """:func:`polygons_of` for compressed run lengths that have been checked, without their image's other pixels."""
    return polygons_of(*window(rle))


def window(rle: dict[str, Any]) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of a mask that its foreground lies in: bool ``[h, w]``, and (x, y) of its upper left pixel.

    Args:
        rle: ``{"size": [H, W], "counts": str}``, checked.
    """
    height = int(rle["size"][0])
    text = np.frombuffer(rle["counts"].encode("ascii"), dtype=np.uint8)
    ends = np.cumsum(read_runs(text, np.array([0, len(text)])).values)
    start, stop = ends[0::2][: len(ends) // 2], ends[1::2]
    start, stop = start[stop > start], stop[stop > start]
    if len(start) == 0:
        return np.zeros((0, 0), dtype=bool), (0, 0)
    (first, top), (last, bottom) = np.divmod(start, height), np.divmod(stop - 1, height)
    if (first != last).any():  # from the foot of a column to the head of the next: the window is as high as the image
        low, high = 0, height
    else:
        low, high = int(top.min()), int(bottom.max()) + 1
    left, tall = int(first.min()), high - low
    wide = int(last.max()) + 1 - left
    change = np.zeros(tall * wide + 1, dtype=np.int8)
    np.add.at(change, (first - left) * tall + top - low, 1)
    np.add.at(change, (last - left) * tall + bottom - low + 1, -1)
    return np.cumsum(change[:-1], dtype=np.int8).astype(bool).reshape(wide, tall).T, (left, low)


def _rings(mask: np.ndarray) -> tuple[list[np.ndarray], list[int]]:
    """Closed corner sequences ``[C, 2]`` xy, foreground on the right; of each the number of the outline of its part."""
    padded = np.pad(mask, 1)
    above_left, above_right, below_left, below_right = (
        padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:],
    )  # fmt: skip
    leaves = [  # bool [H + 1, W + 1]: an edge leaves this corner in the direction
        (here & ~beside).ravel()
        for here, beside in (
            (below_right, above_right), (below_left, below_right), (above_left, below_left), (above_right, above_left),
        )
    ]  # fmt: skip
    corners = [np.flatnonzero(edges) for edges in leaves]
    base = np.cumsum([0, *map(len, corners)])
    row = mask.shape[1] + 1
    following = np.empty(base[-1], dtype=np.int64)
    for direction, (dx, dy) in enumerate(_STEPS):
        end = corners[direction] + dx + dy * row
        found = np.full(len(end), -1, dtype=np.int64)
        # the right turn first: at a corner where two parts touch, the walk stays at its own part
        for turn in ((direction + 1) % 4, direction, (direction + 3) % 4):
            open_ = (found < 0) & leaves[turn][end]
            found[open_] = base[turn] + np.searchsorted(corners[turn], end[open_])
        following[base[direction] : base[direction + 1]] = found
    facing = np.repeat(np.arange(4), np.diff(base))
    y, x = np.divmod(np.concatenate(corners), row)
    walks = _walks(following.tolist())
    rings = []
    for walk in walks:
        seen = facing[walk]
        turns = walk[seen != np.concatenate([seen[-1:], seen[:-1]])]
        rings.append(np.stack([x[turns], y[turns]], axis=1))
    return rings, _parts(walks, x, y, base, row)


def _walks(following: list[int]) -> list[np.ndarray]:
    """The closed walks along ``following``, each as the numbers of its edges."""
    seen = bytearray(len(following))
    walks = []
    for first in range(len(following)):
        if seen[first]:
            continue
        walk, edge = [], first
        while not seen[edge]:
            seen[edge] = 1
            walk.append(edge)
            edge = following[edge]
        walks.append(np.array(walk))
    return walks


def _parts(walks: list[np.ndarray], x: np.ndarray, y: np.ndarray, base: np.ndarray, row: int) -> list[int]:
    """Of each ring the outline of its part: its own number, or, of a hole, what lies around it.

    Left of a hole's leftmost edge are pixels of its part; the edge where that run of them begins is the part's outline
    or a hole of it farther left.
    """
    ring_of = np.empty(len(x), dtype=np.int64)
    for number, walk in enumerate(walks):
        ring_of[walk] = number
    down, up = slice(base[1], base[2]), slice(base[3], base[4])
    count = len(walks)
    area = np.bincount(ring_of[down], x[down], count) - np.bincount(ring_of[up], x[up], count)
    begins = (y[up] - 1) * row + x[up]
    part = list(range(count))
    left = {}
    for number in np.flatnonzero(area < 0).tolist():
        edges = walks[number]
        edges = edges[(edges >= base[1]) & (edges < base[2])]
        edge = edges[np.argmin(x[edges])]
        start = np.searchsorted(begins, y[edge] * row + x[edge] - 1, side="right") - 1
        left[number] = int(ring_of[base[3] + start])
    for number in left:
        around = left[number]
        while around in left:
            around = left[around]
        part[number] = around
    return part
