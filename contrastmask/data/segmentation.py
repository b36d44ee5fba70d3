"""One COCO segmentation, checked before any C code sees it.

pycocotools kills the process on NaN or huge coordinates and reads uninitialised memory where run lengths do not fill
the image, so nothing reaches it that has not passed here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

FAR = 4  # coordinates beyond this multiple of the longer side are refused


class BadSegmentation(ValueError):
    """A segmentation that cannot be used; the message is the reason."""


def checked(segmentation: Any, height: int, width: int) -> list[np.ndarray] | bytes:
    """Check one ``segmentation`` field.

    Args:
        segmentation: polygons (a list of flat coordinate lists) or run lengths (``{"size", "counts"}``, compressed or
            not).
        height, width: of the image.

    Returns:
        polygons as float64 arrays ``[2n]``, n >= 3; or the compressed run lengths' bytes.

    Raises:
        BadSegmentation: with the reason.
    """
    if isinstance(segmentation, dict):
        return _checked_rle(segmentation, height, width)
    if not isinstance(segmentation, list):
        raise BadSegmentation("neither polygons nor run lengths")
    if not segmentation:
        raise BadSegmentation("no polygon")
    return [_checked_polygon(part, height, width) for part in segmentation]


def _checked_polygon(part: Any, height: int, width: int) -> np.ndarray:
    if not isinstance(part, list):
        raise BadSegmentation("a polygon is no list of coordinates")
    try:
        points = np.array(part)
    except (ValueError, OverflowError):
        raise BadSegmentation("a polygon is no flat list of coordinates") from None
    if points.ndim != 1 or points.dtype.kind not in "iuf":
        raise BadSegmentation("a polygon is no flat list of numbers")
    if len(points) < 6 or len(points) % 2:
        raise BadSegmentation(f"a polygon with {len(points)} coordinates" if len(points) < 6 else "an odd coordinate")
    points = points.astype(np.float64)
    # comparisons with NaN are false: the negation catches it
    if not np.abs(points).max() <= FAR * max(height, width):
        raise BadSegmentation("coordinates not finite or far outside the image")
    return points


def _checked_rle(rle: dict[str, Any], height: int, width: int) -> bytes:
    counts, size = rle.get("counts"), rle.get("size")
    if not isinstance(size, (list, tuple)) or list(size) != [height, width]:
        raise BadSegmentation(f"run lengths for size {size}, the image has [{height}, {width}]")
    if isinstance(counts, list):
        runs = _runs_from_list(counts)
    elif isinstance(counts, (str, bytes)):
        runs = decode_counts(counts)
    else:
        raise BadSegmentation("run lengths without counts")
    if sum(runs) != height * width:
        raise BadSegmentation(f"run lengths cover {sum(runs)} of {height * width} pixels")
    if isinstance(counts, list):
        return coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)["counts"]
    return counts.encode("ascii") if isinstance(counts, str) else counts


def _runs_from_list(counts: list[Any]) -> list[int]:
    if any(isinstance(c, bool) or not isinstance(c, int) or not 0 <= c < 2**31 for c in counts):
        raise BadSegmentation("run lengths that are no counts")
    return counts


def decode_counts(counts: str | bytes) -> list[int]:
    """Run lengths of COCO's compressed string: base 32, least digit first, from the third on as differences to the
    last but one.

    Raises:
        BadSegmentation: the string is cut off, holds foreign characters or a negative run.
    """
    try:
        data = counts.encode("ascii") if isinstance(counts, str) else counts
    except UnicodeEncodeError:
        raise BadSegmentation("compressed run lengths with foreign characters") from None
    runs: list[int] = []
    value = shift = 0
    for byte in data:
        digit = byte - 48
        if not 0 <= digit < 64 or shift > 35:
            raise BadSegmentation("compressed run lengths with foreign characters")
        value |= (digit & 0x1F) << shift
        shift += 5
        if digit & 0x20:
            continue
        if digit & 0x10:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        if value < 0:
            raise BadSegmentation("a negative run length")
        runs.append(value)
        value = shift = 0
    if shift:
        raise BadSegmentation("compressed run lengths are cut off")
    return runs


def has_area(polygons: list[np.ndarray], height: int, width: int) -> bool:
    """Whether any part encloses something inside the image (by its corners: exact for none, generous for some)."""
    for points in polygons:
        x, y = points[0::2], points[1::2]
        area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
        if area > 0 and x.max() > 0 and y.max() > 0 and x.min() < width and y.min() < height:
            return True
    return False


def decode(segmentation: list[list[float]] | dict[str, Any], height: int, width: int) -> np.ndarray:
    """Rasterise a *checked* segmentation; uint8 ``[height, width]`` in {0, 1}, the union of all parts."""
    if isinstance(segmentation, dict):
        return coco_mask.decode(segmentation)
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width)))
