"""The annotations of a file as columns: what is of the expected type in arrays, as soon as it is read.

A parsed row, a dict with lists of numbers, takes ten times the memory of its numbers. So the list is cut into rows
without reading them, and read some hundred rows at a time, so that their objects are still in the processor's cache
when they become arrays; of what is odd the value is kept as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from contrastmask.data.columns import integers, numbers, quadruples
from contrastmask.data.segmentation.polygons import Polygons

ROWS = 500  # that are read together
IDS = ("id", "image_id", "category_id")
Column = Sequence[Any] | np.ndarray


class _Plain(msgspec.Struct, gc=False):
    """A row as COCO has it: msgspec looks at every type while it reads."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float
    segmentation: list[list[float]] | dict[str, Any] | None = None
    iscrowd: Any = None
    ignore: Any = None
    segmentation_predicted: Any = None
    segmentation_confidence: Any = None
    segmentation_review: Any = None
    attributes: Any = None
    score: Any = None


class _Odd(msgspec.Struct, gc=False):
    """Any other row."""

    id: Any = None
    image_id: Any = None
    category_id: Any = None
    bbox: Any = msgspec.UNSET
    area: Any = None
    segmentation: Any = None
    iscrowd: Any = None
    ignore: Any = None
    segmentation_predicted: Any = None
    segmentation_confidence: Any = None
    segmentation_review: Any = None
    attributes: Any = None
    score: Any = None


class RowTable:
    """N annotations, all of them JSON objects.

    Args:
        rows: their text.

    Raises:
        one of `file_content.REFUSED`: a row is no object, or not read by msgspec.
    """

    def __init__(self, rows: Sequence[msgspec.Raw]) -> None:
        plain, odd = msgspec.json.Decoder(_Plain).decode, msgspec.json.Decoder(_Odd).decode
        names = [name for name in _Plain.__struct_fields__ if name != "segmentation"]
        parts: dict[str, list[Column]] = {name: [] for name in names}
        polygons = Polygons()
        lacks_box = []
        for start in range(0, len(rows), ROWS):
            piece = rows[start : start + ROWS]
            try:
                part = list(map(plain, piece))
                found = {name: _plain_column(name, list(map(attrgetter(name), part))) for name in names}
                polygons.extend(list(map(attrgetter("segmentation"), part)))
                lacks_box.append(np.zeros(len(part), dtype=bool))
            except (msgspec.ValidationError, OverflowError):
                part = list(map(odd, piece))
                found = {name: _odd_column(name, list(map(attrgetter(name), part))) for name in names}
                for row in part:
                    polygons.append(row.segmentation)
                lacks_box.append(np.array([row.bbox is msgspec.UNSET for row in part], dtype=bool))
            for name, column in found.items():
                parts[name].append(column)
        self._columns = {name: _joined(found) for name, found in parts.items()}
        self._columns["segmentation"] = polygons.closed()
        self._lacks_box = np.concatenate([np.zeros(0, dtype=bool), *lacks_box])

    def __len__(self) -> int:
        return len(self._lacks_box)

    def column(self, key: str) -> Column:
        """int64 [N], float64 [N] or [N, 4] where every value of a key is as COCO has it; else the values, None where a
        row has none."""
        return self._columns[key]

    def lacks(self, key: str) -> np.ndarray:
        """bool [N]: the row does not have the key `bbox`; no other is asked for."""
        if key != "bbox":
            raise KeyError(key)
        return self._lacks_box


def _plain_column(name: str, values: list[Any]) -> Column:
    if name in IDS:
        return np.fromiter(values, np.int64, len(values))
    if name == "area":
        return np.fromiter(values, np.float64, len(values))
    if name == "bbox":
        return np.fromiter(chain.from_iterable(values), np.float64, 4 * len(values)).reshape(-1, 4)
    return values


def _odd_column(name: str, values: list[Any]) -> Column:
    if name in IDS:
        # a whole float stays one: what is told of it is its text
        return integers(values)[0] if set(map(type, values)) == {int} and integers(values)[1].all() else values
    if name == "area":
        return numbers(values)
    if name == "bbox":
        values = [None if value is msgspec.UNSET else value for value in values]
        found = quadruples(values)
        return values if np.isnan(found).any() else found
    return values


def _joined(parts: list[Column]) -> Column:
    if parts and all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return list(chain.from_iterable(part.tolist() if isinstance(part, np.ndarray) else part for part in parts))
