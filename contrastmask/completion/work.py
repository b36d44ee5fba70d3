"""Whether what stands where a mask should be may be somebody's work, although it gives no mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEPTH = 4  # lists within lists: points of polygons of parts, and one more
CORNERS = 3  # the fewest points that enclose something


def holds_work(segmentation: Any, *, blank: bool = False) -> bool:
    """Whether somebody may have drawn this: three different points, run lengths, or text that may hold them.

    Empty values of every kind, a box written as two corners and a point said many times are nobody's drawing.

    Args:
        segmentation: a value as JSON gives it.
        blank: it can be read and has no pixel: run lengths are then nobody's work, outlines (outside the image, in
            other units) may be.
    """
    if isinstance(segmentation, dict) and "counts" in segmentation:
        counts = segmentation["counts"]
        return not blank and bool(counts.strip() if isinstance(counts, str) else counts)
    if isinstance(segmentation, str):
        return len(segmentation.strip()) > len("null")
    numbers = list(_numbers(segmentation, DEPTH))
    return len(set(zip(numbers[::2], numbers[1::2], strict=False))) >= CORNERS


def _numbers(value: Any, depth: int) -> Iterator[float | str]:
    """The numbers in lists and objects; text in its place counts as one, as numbers may be written so."""
    if isinstance(value, (list, dict)):
        for item in (value if isinstance(value, list) else value.values()) if depth else ():
            yield from _numbers(item, depth - 1)
    elif isinstance(value, (int, float, str)) and not isinstance(value, bool):
        yield value
