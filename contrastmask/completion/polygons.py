"""A mask as COCO polygons along its pixels' edges: parts and holes are kept, at a cost that follows the mask alone.

A directed edge runs between a foreground pixel, on its right hand, and a background one. Edges are numbered by
direction and corner; the one that follows each is found for all at once, so that a ring is a walk along one list.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contrastmask.data.rle import read_runs

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
    rings = _rings(np.asarray(mask, dtype=bool))
    outer = [ring for ring in rings if _area(ring) > 0]
    holes: list[list[np.ndarray]] = [[] for _ in outer]
    for hole in (ring for ring in rings if _area(ring) < 0):
        # the part that a hole belongs to has its first corner's foreground pixel inside; the smallest such outline
        around = [i for i, ring in enumerate(outer) if _inside(ring, _foreground_beside(hole))]
        holes[min(around, key=lambda i: _area(outer[i]))].append(hole)
    polygons = []
    for ring, inner in zip(outer, holes, strict=True):
        path = [ring]
        for hole in inner:
            path += [ring[:1], hole, hole[:1]]
        if inner:
            path.append(ring[:1])
        polygons.append((np.concatenate(path) + origin).astype(float).ravel().tolist())
    return polygons


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


def _rings(mask: np.ndarray) -> list[np.ndarray]:
    """Closed corner sequences ``[C, 2]`` xy, foreground on the right; outlines have positive area, holes negative."""
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
    return [np.stack([x[ring], y[ring]], axis=1) for ring in _walks(following.tolist(), facing)]


def _walks(following: list[int], facing: np.ndarray) -> list[np.ndarray]:
    """The closed walks along ``following``, each as the numbers of those edges that begin with a turn."""
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
        edges = np.array(walk)
        walks.append(edges[facing[edges] != facing[np.roll(edges, 1)]])
    return walks


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _foreground_beside(ring: np.ndarray) -> tuple[float, float]:
    (x0, y0), (x1, y1) = ring[0], ring[1]
    dx, dy = np.sign(x1 - x0), np.sign(y1 - y0)
    return x0 + 0.5 * dx - 0.5 * dy, y0 + 0.5 * dy + 0.5 * dx


def _inside(ring: np.ndarray, point: tuple[float, float]) -> bool:
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    crossing = (y0 > point[1]) != (y1 > point[1])
    return bool(np.count_nonzero(crossing & (np.maximum(x0, x1) > point[0])) % 2)
