"""Measures of many polygons at once, to find those whose mask may be blank without drawing every one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrastmask.data.columns import blocks

PIECE = 1 << 16  # coordinates that are measured together: they fit into the processor's cache


@dataclass(frozen=True, eq=False)
class Outlines:
    """Per row of polygons, float64 [A], pixels; zeros where a row has none.

    Attributes:
        present: bool [A], the row has polygons.
        length: Σ |Δx| + |Δy| over all edges.
        area: Σ |shoelace area| of its polygons.
        box: float64 [A, 4], xyxy around all of them.
        solid: bool [A], one of its polygons is thicker than about two pixels on average.
    """

    present: np.ndarray
    length: np.ndarray
    area: np.ndarray
    box: np.ndarray
    solid: np.ndarray

    def may_be_blank(self, heights: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """bool [A]: not solid, or partly outside; only these need to be drawn."""
        left, top, right, bottom = self.box.T
        outside = (left < -1) | (top < -1) | (right > widths + 1) | (bottom > heights + 1)
        return self.present & (outside | ~self.solid)


def measure(coordinates: np.ndarray, polygons: np.ndarray, rows: np.ndarray) -> Outlines:
    """Measure polygons of at least one point and an even number of finite coordinates.

    Args: as in `SegmentationTable`: coordinates float64 [C], offsets of polygons [P+1] and of rows [A+1].
    """
    present = np.diff(rows) > 0
    count = len(present)
    length, area, box = np.zeros(count), np.zeros(count), np.zeros((count, 4))
    if not present.any():
        return Outlines(present, length, area, box, present.copy())
    measured = measure_polygons(coordinates, polygons)
    polygon_area, polygon_length, polygon_box = measured[:, 0], measured[:, 1], measured[:, 2:]

    row_first = rows[:-1][present]
    area[present] = np.add.reduceat(polygon_area, row_first)
    length[present] = np.add.reduceat(polygon_length, row_first)
    box[present, :2] = np.minimum.reduceat(polygon_box[:, :2], row_first)
    box[present, 2:] = np.maximum.reduceat(polygon_box[:, 2:], row_first)
    thick = polygon_area > (polygon_box[:, 2:] - polygon_box[:, :2]).sum(axis=1)
    solid = np.zeros(count, dtype=bool)
    solid[present] = np.logical_or.reduceat(thick, row_first)
    return Outlines(present, length, area, box, solid)


def measure_polygons(coordinates: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """float64 [P, 6]: area, length and xyxy of each polygon.

    Args: as in `measure`.
    """
    measured = np.empty((len(polygons) - 1, 6))
    for block in blocks(polygons, PIECE):  # a dozen arrays of all the points would outweigh the data
        piece = slice(polygons[block.start], polygons[block.stop])
        offsets = polygons[block.start : block.stop + 1] - polygons[block.start]
        measured[block] = _measure(coordinates[piece], offsets)
    return measured


def _measure(coordinates: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """float64 [P, 6]: area, length and xyxy of each polygon."""
    x, y = coordinates[0::2].copy(), coordinates[1::2].copy()
    first, last = polygons[:-1] // 2, polygons[1:] // 2 - 1
    next_x, next_y = (following(values, first, last) for values in (x, y))
    # Relative to each polygon's first point: products of absolute coordinates would cancel.
    points = np.diff(polygons) // 2
    start_x, start_y = np.repeat(x[first], points), np.repeat(y[first], points)
    cross = (x - start_x) * (next_y - start_y) - (next_x - start_x) * (y - start_y)
    result = np.empty((len(first), 6))
    result[:, 0] = np.abs(np.add.reduceat(cross, first)) / 2
    result[:, 1] = np.add.reduceat(np.abs(next_x - x) + np.abs(next_y - y), first)
    for column, (values, extreme) in enumerate(((x, np.minimum), (y, np.minimum), (x, np.maximum), (y, np.maximum))):
        result[:, 2 + column] = extreme.reduceat(values, first)
    return result


def following(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """[N], the next point's value; of a polygon's last point its first's.

    Args:
        values: [N]. first, last: int64 [P], where each polygon starts and ends.
    """
    result = np.empty_like(values)
    result[:-1] = values[1:]
    result[last] = values[first]
    return result
