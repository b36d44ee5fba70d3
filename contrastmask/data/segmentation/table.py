"""The segmentations of a whole data set in five flat arrays: nothing for a worker's reference counts to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from contrastmask.data.columns import offsets_of, take_rows


@dataclass(frozen=True, eq=False)
class SegmentationTable:
    """One row an annotation: polygons, or run lengths, or nothing.

    Attributes:
        coordinates: float64 [C], x, y, x, y, … of all polygons (float64: rasterising rounds, and must round as COCO's).
        polygons: int64 [P+1], offsets of the polygons in `coordinates`.
        polygon_rows: int64 [A+1], offsets of the rows in `polygons`.
        runs: uint8 [T], compressed COCO run lengths of all rows that have them.
        run_rows: int64 [A+1], offsets of the rows in `runs`.
    """

    coordinates: np.ndarray
    polygons: np.ndarray
    polygon_rows: np.ndarray
    runs: np.ndarray
    run_rows: np.ndarray

    def __post_init__(self) -> None:
        for values in vars(self).values():
            values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.run_rows) - 1

    @property
    def present(self) -> np.ndarray:
        """bool [A]: the row holds a segmentation."""
        return (np.diff(self.polygon_rows) > 0) | (np.diff(self.run_rows) > 0)

    def get(self, row: int, height: int, width: int) -> list[list[float]] | dict[str, Any] | None:
        """The row as COCO writes it: polygons `[[x, y, …], …]`, RLE `{"size": [H, W], "counts": str}`, or None."""
        first, last = self.polygon_rows[row], self.polygon_rows[row + 1]
        if last > first:
            ends = self.polygons[first : last + 1].tolist()
            return [self.coordinates[i:j].tolist() for i, j in pairwise(ends)]
        text = self.runs[self.run_rows[row] : self.run_rows[row + 1]].tobytes()
        return {"size": [height, width], "counts": text.decode("ascii")} if text else None

    def with_runs(self, rows: np.ndarray, runs: Sequence[bytes]) -> SegmentationTable:
        """A copy in which these rows of polygons, int64 [R] ascending, hold run lengths instead."""
        keep = np.ones(len(self), dtype=bool)
        keep[rows] = False
        rest, lengths = self.take(np.arange(len(self)), keep), np.array(list(map(len, runs)), dtype=np.int64)
        where = np.repeat(rest.run_rows[rows], lengths)
        added = np.insert(rest.runs, where, np.frombuffer(b"".join(runs), dtype=np.uint8))
        counts = np.diff(rest.run_rows)
        counts[rows] = lengths
        return SegmentationTable(rest.coordinates, rest.polygons, rest.polygon_rows, added, offsets_of(counts))

    def same(self, one: int, other: int) -> bool:
        """Whether two rows hold the very same numbers, or both nothing."""
        first, second = self.take(np.array([one])), self.take(np.array([other]))
        return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in vars(first))

    def take(self, rows: np.ndarray, keep: np.ndarray | None = None) -> SegmentationTable:
        """Rows int64 [R] in the given order, as a copy; those with `keep` (bool [R]) False become empty.

        What is not taken is not in the copy's arrays at all.
        """
        number = np.arange(len(self.polygons) - 1)
        chosen, polygon_rows = take_rows(number, self.polygon_rows, rows, keep)
        coordinates, polygons = take_rows(self.coordinates, self.polygons, chosen)
        return SegmentationTable(coordinates, polygons, polygon_rows, *take_rows(self.runs, self.run_rows, rows, keep))
