"""A bitmap as COCO polygons along its pixels' edges: parts and holes are kept."""

from __future__ import annotations

import numpy as np

# unit steps along pixel edges, in the order right, down, left, up (y grows downwards)
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def polygons_of(mask: np.ndarray) -> list[list[float]]:
    """The outlines of a mask, as COCO stores them.

    COCO has no holes and takes the union of an annotation's polygons. A hole is therefore made part of the outline
    around it by a slit without width, walked once in each direction: it encloses nothing, and every filling rule
    (even-odd as pycocotools', or non-zero winding) leaves the hole empty.

    Args:
        mask: bool or {0, 1} ``[H, W]``. Pixels that touch at a corner only are different parts.

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
        polygons.append(np.concatenate(path).astype(float).ravel().tolist())
    return polygons


def _rings(mask: np.ndarray) -> list[np.ndarray]:
    """Closed corner sequences ``[C, 2]`` xy, foreground on the right; outlines have positive area, holes negative."""
    padded = np.pad(mask, 1)
    starts: dict[tuple[int, int], list[int]] = {}  # corner -> directions of the edges that leave it
    # an edge lies between a foreground pixel and a background one; the foreground is on its right hand
    for direction, (dx, dy) in enumerate(_STEPS):
        left_x, left_y = dy, -dx  # towards the pixel on the left hand
        left = np.roll(padded, (-left_y, -left_x), axis=(0, 1))
        rows, columns = np.nonzero(padded & ~left)
        x = columns - 1 + (direction in (1, 2))
        y = rows - 1 + (direction in (2, 3))
        for corner in zip(x.tolist(), y.tolist(), strict=True):
            starts.setdefault(corner, []).append(direction)
    rings = []
    while starts:
        corner = first = next(iter(starts))
        direction = begin = starts[corner][0]
        ring = []
        while True:
            starts[corner].remove(direction)
            if not starts[corner]:
                del starts[corner]
            ring.append((corner, direction))
            corner = (corner[0] + _STEPS[direction][0], corner[1] + _STEPS[direction][1])
            # the right turn first: at a corner where two parts touch, the walk stays at its own part
            open_edges = starts.get(corner, []) + [begin] * (corner == first)
            direction = next(turn % 4 for turn in (direction + 1, direction, direction + 3) if turn % 4 in open_edges)
            if corner == first and direction == begin:
                break
        kept = [corner for i, (corner, direction) in enumerate(ring) if direction != ring[i - 1][1]]
        rings.append(np.array(kept))
    return rings


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
