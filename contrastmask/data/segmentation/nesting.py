"""Polygons that lie inside others of their object: by COCO's rule they are filled twice, some tools mean holes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.columns import blocks, offsets_of, take_rows
from contrastmask.data.segmentation.outlines import following, measure_polygons

SLACK = 1.0  # px that an inner outline may lie outside: both are rounded or simplified
TINY = 1.0  # px²; what is smaller is a slip of the hand
LESS = 1e-6  # share by which an inner polygon is smaller at least: the same one twice lies in neither
LOOKED_AT = 128  # places of an inner outline
MOST = 0.5  # of these that are inside, and not merely beside the other's edge


@dataclass(frozen=True, eq=False)
class Nesting:
    """Of the P polygons of A rows.

    Attributes:
        hole: bool [P], the polygon lies inside a part of its row, or inside several: it is a hole where such polygons
            are meant so. A polygon inside a hole is a part again. Which of several around it counts is the smallest.
        area: float64 [P], px², of the polygons of rows that have several; 0 of others.
        rows: int64 [A+1], offsets of the rows.
    """

    hole: np.ndarray
    area: np.ndarray
    rows: np.ndarray

    @property
    def nested(self) -> np.ndarray:
        """bool [A]: one of the row's polygons lies inside another."""
        return np.diff(offsets_of(self.hole)[self.rows]) > 0

    def share(self, rows: np.ndarray) -> float:
        """0..1, what the holes of some rows, bool [A], take of the area of their other polygons."""
        of_rows = np.repeat(rows, np.diff(self.rows))
        holes, others = (self.area[of_rows & chosen].sum() for chosen in (self.hole, ~self.hole))
        return float(holes / others) if others > 0 else 0.0


def nesting(coordinates: np.ndarray, polygons: np.ndarray, rows: np.ndarray) -> Nesting:
    """Find the polygons that lie inside others of their row.

    Args: of sound polygons, as in `SegmentationTable`: coordinates float64 [C], offsets of polygons [P+1] and of rows
        [A+1].
    """
    counts = np.diff(rows)
    of_several = np.flatnonzero(np.repeat(counts > 1, counts))
    hole, area = np.zeros(len(polygons) - 1, dtype=bool), np.zeros(len(polygons) - 1)
    if len(of_several) == 0:
        return Nesting(hole, area, rows)
    row = np.repeat(np.arange(len(counts)), counts)[of_several]
    coordinates, polygons = take_rows(coordinates, polygons, of_several)
    measured, outlines = measure_polygons(coordinates, polygons), _Outlines(coordinates, polygons // 2)
    around: dict[int, int] = {}  # each polygon's smallest one around it
    for outer, inner in _boxed(row, measured):
        for looked_at in (1, LOOKED_AT):  # most pairs are told apart by one corner
            kept = outlines.inside(outer, inner, looked_at)
            outer, inner = outer[kept], inner[kept]
        for one, other in zip(outer.tolist(), inner.tolist(), strict=True):
            if other not in around or measured[one, 0] < measured[around[other], 0]:
                around[other] = one
    holes: set[int] = set()
    for polygon in sorted(around, key=lambda number: -measured[number, 0]):
        if around[polygon] not in holes:
            holes.add(polygon)
    hole[of_several[sorted(holes)]] = True
    area[of_several] = measured[:, 0]
    return Nesting(hole, area, rows)


def with_holes(polygons: Sequence[Any], hole: np.ndarray, height: int, width: int) -> dict[str, Any] | None:
    """Run lengths `{"size": [H, W], "counts": bytes}` of polygons, the large ones drawn first, holes (bool [P]) empty.

    Returns:
        None where no pixel would be left.
    """
    runs = coco_mask.frPyObjects([np.asarray(polygon, dtype=np.float64) for polygon in polygons], height, width)
    mask = np.zeros((height, width), dtype=np.uint8)
    for number in np.lexsort((hole, -coco_mask.area(runs).astype(np.int64))).tolist():
        mask[coco_mask.decode(runs[number]) > 0] = not hole[number]
    return coco_mask.encode(np.asfortranarray(mask)) if mask.any() else None


def _boxed(row: np.ndarray, measured: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of polygons of one row of which the first's box is around the second's, which is smaller, in blocks.

    Args:
        row: int64 [P]. measured: float64 [P, 6], area and xyxy as `measure_polygons` gives them.
    """
    area, left, right = measured[:, 0], measured[:, 2], measured[:, 4]
    start = left.min() - 2 * SLACK
    stride = right.max() - start + 2 * SLACK  # x of one row, then x of the next
    key = row * stride + left - start
    order = np.argsort(key)
    low = np.searchsorted(key[order], row * stride + left - start - SLACK)
    high = np.searchsorted(key[order], row * stride + right - start + SLACK)
    for block in blocks(offsets_of(high - low)):
        count = (high - low)[block]
        outer = np.repeat(np.arange(len(row))[block], count)
        inner = order[np.arange(count.sum()) + np.repeat(low[block] - offsets_of(count)[:-1], count)]
        fits = (area[inner] >= TINY) & (area[inner] < (1 - LESS) * area[outer]) & (row[inner] == row[outer])
        fits &= (measured[inner, 2:4] >= measured[outer, 2:4] - SLACK).all(axis=1)
        fits &= (measured[inner, 4:] <= measured[outer, 4:] + SLACK).all(axis=1)
        yield outer[fits], inner[fits]


class _Outlines:
    """Polygons to ask what lies in them.

    Attributes:
        corners: float64 [N, 2] of all. ends: the next corner of each. offsets: int64 [P+1] of the polygons.
    """

    def __init__(self, coordinates: np.ndarray, offsets: np.ndarray) -> None:
        self.corners, self.offsets = coordinates.reshape(-1, 2), offsets
        first, last = offsets[:-1], offsets[1:] - 1
        self.ends = np.stack([following(values, first, last) for values in self.corners.T], axis=1)

    def inside(self, outer: np.ndarray, inner: np.ndarray, looked_at: int) -> np.ndarray:
        """bool [K]: the inner polygon lies in the outer one.

        Args:
            outer, inner: int64 [K], polygons. looked_at: of the inner one's corners and edges' centres, in equal steps
                around it, at most so many.
        """
        if len(outer) == 0:
            return np.zeros(0, dtype=bool)
        there = 2 * np.diff(self.offsets)[inner]
        points = np.minimum(there, looked_at)
        starts, pair = offsets_of(points)[:-1], np.repeat(np.arange(len(points)), points)
        number = (np.arange(len(pair)) - starts[pair]) * there[pair] // points[pair]
        corner = self.offsets[inner][pair] + number // 2
        centre = (self.corners[corner] + self.ends[corner]) / 2
        point = np.where(number[:, None] % 2 == 1, centre, self.corners[corner])
        within, near = np.zeros((2, len(point)), dtype=bool)
        polygon = outer[pair]
        for block in blocks(offsets_of(np.diff(self.offsets)[polygon])):
            within[block], near[block] = self._tested(point[block], polygon[block])
        enough = np.add.reduceat(within, starts, dtype=np.int64) >= MOST * points
        return np.logical_and.reduceat(within | near, starts) & (enough | (points == 1))

    def _tested(self, point: np.ndarray, polygon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """bool [Q], inside the polygon; bool [Q], within `SLACK` of its edges; of points float64 [Q, 2]."""
        edges = np.diff(self.offsets)[polygon]
        starts = offsets_of(edges)[:-1]
        edge = np.arange(edges.sum()) + np.repeat(self.offsets[polygon] - starts, edges)
        (x, y), (from_x, from_y), (to_x, to_y) = (
            values.T for values in (np.repeat(point, edges, axis=0), self.corners[edge], self.ends[edge])
        )
        along_x, along_y = to_x - from_x, to_y - from_y
        with np.errstate(divide="ignore", invalid="ignore"):
            crossed = ((from_y > y) != (to_y > y)) & (x < from_x + (y - from_y) * along_x / along_y)
            where = ((x - from_x) * along_x + (y - from_y) * along_y) / (along_x**2 + along_y**2)
        where = np.clip(np.nan_to_num(where), 0, 1)  # an edge without length is its corner
        away = np.hypot(from_x + where * along_x - x, from_y + where * along_y - y)
        return np.add.reduceat(crossed, starts, dtype=np.int64) % 2 == 1, np.minimum.reduceat(away, starts) <= SLACK
