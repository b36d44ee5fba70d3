"""Holes that are written as further polygons: Kili and FiftyOne do so, and COCO's rule fills them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.annotations.whole_fault import FEW
from contrastmask.data.segmentation.check import Packed
from contrastmask.data.segmentation.nesting import Nesting, nesting, with_holes

NESTED = "a polygon lies inside another of its object"
MANY_SHARE = 0.01  # of a class's masks; COCO's own files have one in two thousand
FILLED = "data.nested=hole takes it for a hole, as Kili and FiftyOne write holes; COCO's rule fills it"


@dataclass(frozen=True, eq=False)
class Nested:
    """Rows with a polygon inside another, bool [A], and whether it was cut out."""

    rows: np.ndarray
    nesting: Nesting
    cut: bool

    def count(self, has_mask: np.ndarray, sieve: Sieve) -> None:
        """Count those that have a mask, bool [A], with what the holes take of them: a warning for classes that have
        many, a note for the others."""
        rows, masks = self.rows & has_mask & sieve.alive, has_mask & sieve.alive
        nested, drawn = (np.bincount(sieve.label[chosen], minlength=len(sieve.names)) for chosen in (rows, masks))
        of_many = ((nested >= FEW) & (nested >= MANY_SHARE * drawn))[sieve.label]
        if self.cut:
            sieve.count("repaired", rows, f"{self._reason(rows)}: taken for a hole")
        else:
            sieve.count("warning", rows & of_many, self._reason(rows & of_many), FILLED)
            sieve.count("noted", rows & ~of_many, self._reason(rows & ~of_many), FILLED)

    def _reason(self, rows: np.ndarray) -> str:
        return f"{NESTED}, {self.nesting.share(rows):.0%} of the area"


def settle_nested(packed: Packed, size: np.ndarray, *, cut: bool) -> tuple[Packed, Nested]:
    """Find polygons inside others of their row, and with `cut` take them out: such rows are run lengths then.

    What would have no pixel left stays as it is.

    Args:
        size: int64 [A, 2], the images' (W, H).
    """
    table = packed.table
    found = nesting(table.coordinates, table.polygons, table.polygon_rows)
    nested = found.nested & ~packed.lacking
    if not cut:
        return packed, Nested(nested, found, cut)
    rows, runs = [], []
    for row in np.flatnonzero(nested).tolist():
        width, height = size[row].tolist()
        of_row = slice(table.polygon_rows[row], table.polygon_rows[row + 1])
        if (rle := with_holes(table.get(row, height, width), found.hole[of_row], height, width)) is not None:
            rows.append(row)
            runs.append(rle["counts"])
    nested = np.zeros(len(table), dtype=bool)
    nested[rows] = True
    outline = replace(packed.outline, present=packed.outline.present & ~nested)
    packed = replace(packed, table=table.with_runs(np.array(rows, dtype=np.int64), runs), outline=outline)
    return packed, Nested(nested, found, cut)
