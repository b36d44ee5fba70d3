"""Segmentations as a file has them, its polygons in one array: a number of a list takes four times the memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate, chain, pairwise
from struct import Struct
from typing import Any

import numpy as np

from contrastmask.data.columns import offsets_of, take_rows

SHORTEST = 6  # numbers; shorter lists may be points, which are read as lists


@cache
def _packer(length: int) -> Callable[..., bytes]:
    """What makes the bytes of so many doubles, in a third of the time that an array of numpy's takes."""
    return Struct(f"{length}d").pack


class Polygons(Sequence):
    """A values as JSON gives them, polygons perhaps as arrays of doubles; as such they come back.

    Attributes:
        coordinates: doubles of all rows that are lists of lists of numbers. lengths: of each polygon.
        rows: int64 [A+1], offsets of the rows in `lengths`; known once closed.
        others: row → its value, where it is anything else but None, or has a list so short that it may be a point.
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.coordinates, self.lengths = array("d"), array("q")
        self.others: dict[int, Any] = {}
        self._ends = array("q", [0])
        self.rows = np.zeros(1, dtype=np.int64)
        self._polygons = np.zeros(1, dtype=np.int64)
        for value in values:
            self.append(value)
        self.closed()

    def append(self, value: Any) -> None:
        """Add a row."""
        taken = type(value) is list and any(value) and self._are_numbers(value)
        if value is not None and not (taken and min(map(len, value)) >= SHORTEST):
            self.others[len(self._ends) - 1] = value
        self._ends.append(len(self.lengths))

    def extend(self, values: list[Any]) -> None:
        """Add rows of which those that are lists are lists of lists of floats."""
        rows = [value if type(value) is list else () for value in values]
        polygons = list(chain.from_iterable(rows))
        lengths = list(map(len, polygons))
        if min(lengths, default=SHORTEST) < SHORTEST:
            for value in values:
                self.append(value)
            return
        counts = list(map(len, rows))
        if 0 in counts:
            first = len(self._ends) - 1
            odd = [row for row, count in enumerate(counts) if count == 0 and values[row] is not None]
            self.others.update({first + row: values[row] for row in odd})
        self._ends.extend(array("q", accumulate(counts, initial=len(self.lengths)))[1:])
        self.lengths.extend(array("q", lengths))
        packed = [_packer(length)(*polygon) for length, polygon in zip(lengths, polygons, strict=True)]
        self.coordinates.frombytes(b"".join(packed))

    def _are_numbers(self, polygons: list[Any]) -> bool:
        """Take the numbers of one row; leave no trace of it where one is none."""
        n_coordinates, n_lengths = len(self.coordinates), len(self.lengths)
        try:
            for polygon in polygons:
                if type(polygon) is not list and type(polygon) is not array:
                    raise TypeError
                self.coordinates.extend(polygon)
                self.lengths.append(len(polygon))
        except (TypeError, OverflowError):
            del self.coordinates[n_coordinates:], self.lengths[n_lengths:]
            return False
        return True

    def closed(self) -> Polygons:
        """Itself, after the last row."""
        self.rows = np.array(self._ends)
        self._polygons = offsets_of(np.array(self.lengths))
        return self

    def __len__(self) -> int:
        return len(self.rows) - 1

    def __getitem__(self, row: int) -> Any:
        first, last = self.rows[row], self.rows[row + 1]
        if first == last or row in self.others:
            return self.others.get(row)
        ends = self._polygons[first : last + 1].tolist()
        return [self.coordinates[i:j] for i, j in pairwise(ends)]

    def take(self, rows: np.ndarray) -> Polygons:
        """These rows, int64 [R], ascending; as a copy."""
        result = Polygons()
        lengths, result.rows = take_rows(np.array(self.lengths), self.rows, rows)
        chosen, _ = take_rows(np.arange(len(self.lengths)), self.rows, rows)
        coordinates, result._polygons = take_rows(np.frombuffer(self.coordinates), self._polygons, chosen)
        result.coordinates, result.lengths = array("d", coordinates.tobytes()), array("q", lengths.tobytes())
        place = {row: number for number, row in enumerate(rows.tolist()) if row in self.others}
        result.others = {number: self.others[row] for row, number in place.items()}
        return result
