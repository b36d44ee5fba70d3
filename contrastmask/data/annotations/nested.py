"""Holes that are written as further polygons: Kili and FiftyOne do so, and COCO's rule fills them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.segmentation.check import Packed
from contrastmask.data.segmentation.nesting import depths, nested_rows, with_holes

NESTED = "a polygon lies inside another of its object"
FILLED = "data.nested=hole takes it for a hole, as Kili and FiftyOne write holes; COCO's rule fills it"


def settle_nested(packed: Packed, size: np.ndarray, *, cut: bool) -> tuple[Packed, np.ndarray]:
    """Find polygons inside others of their row, and with `cut` take them out: such rows are run lengths then.

    What would have no pixel left stays as it is.

    Args:
        size: int64 [A, 2], the images' (W, H).

    Returns:
        Also bool [A], the row has, or with `cut` had, such a polygon.
    """
    table = packed.table
    depth = depths(table.coordinates, table.polygons, table.polygon_rows)
    nested = nested_rows(depth, table.polygon_rows) & ~packed.lacking
    if not cut:
        return packed, nested
    rows, runs = [], []
    for row in np.flatnonzero(nested).tolist():
        width, height = size[row].tolist()
        of_row = slice(table.polygon_rows[row], table.polygon_rows[row + 1])
        if (rle := with_holes(table.get(row, height, width), depth[of_row], height, width)) is not None:
            rows.append(row)
            runs.append(rle["counts"])
    nested = np.zeros(len(table), dtype=bool)
    nested[rows] = True
    outline = replace(packed.outline, present=packed.outline.present & ~nested)
    return replace(packed, table=table.with_runs(np.array(rows, dtype=np.int64), runs), outline=outline), nested


def count_nested(nested: np.ndarray, cut: bool, sieve: Sieve) -> None:
    """Count objects with such polygons, bool [A]."""
    if cut:
        sieve.count("repaired", nested, f"{NESTED}: taken for a hole")
    else:
        sieve.count("warning", nested, NESTED, FILLED)
