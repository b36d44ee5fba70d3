"""Polygons as arrays while a file is parsed: a number of a list takes four times the memory of one of an array."""

from __future__ import annotations

from array import array
from typing import Any

SHORTEST = 6  # numbers; shorter lists may be points, which are read as lists


def slim(row: dict[str, Any]) -> dict[str, Any]:
    """The object itself, its polygons arrays of doubles where all of them are lists of numbers."""
    polygons = row.get("segmentation")
    if type(polygons) is list:
        try:
            arrays = [array("d", polygon) for polygon in polygons if type(polygon) is list and len(polygon) >= SHORTEST]
        except (TypeError, OverflowError):
            return row
        if len(arrays) == len(polygons):
            row["segmentation"] = arrays
    return row
