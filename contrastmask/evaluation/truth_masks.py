"""Segmentations of a file as COCOeval draws them, without the inputs that kill pycocotools or let it run for ever.

``COCO.annToRLE`` (pycocotools 2.0) decides by types: a list is polygons where its first has more than four numbers, or
uncompressed run lengths; an object is run lengths, as they are where ``counts`` is text. What it stops at has no mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.columns import offsets_of
from contrastmask.data.segmentation.check import MAX_OUTLINE
from contrastmask.data.segmentation.nesting import nesting, with_holes
from contrastmask.data.segmentation.rle import read_runs

Size = tuple[int, int]


@dataclass(frozen=True)
class Runs:
    """Compressed run lengths and the size that they give themselves."""

    size: Size
    counts: bytes


Drawing = list[np.ndarray] | Runs | None  # polygons (float64, x, y, x, y, …), run lengths, or no mask


def parse(value: Any) -> Drawing:
    """A ``segmentation`` of any content as what can be drawn; None where COCOeval would stop."""
    try:
        if type(value) is list:
            return _parse_list(value)
        if type(value) is dict:
            return _parse_runs(value)
    except (TypeError, ValueError, OverflowError, KeyError, IndexError):
        pass
    return None


def _parse_list(value: list[Any]) -> Drawing:
    first = value[0]
    if type(first) is dict and len(first) != 4:
        found = [_compressed(part) for part in value]
        # several are merged, which never ends where they do not add up: nobody writes them
        return found[0] if len(found) == 1 else None
    if len(first) <= 4:
        return None
    polygons = [np.array(part, dtype=np.float64) for part in value]
    return polygons if all(polygon.ndim == 1 for polygon in polygons) else None


def _parse_runs(value: dict[str, Any]) -> Drawing:
    counts = value["counts"]
    if type(counts) is list:
        return _compressed(value)
    height, width = value["size"][:2]
    if type(counts) is not str or height < 0 or width < 0:
        return None
    # pycocotools reads to the first zero byte
    return Runs((int(height), int(width)), counts.encode().split(b"\0")[0])


def _compressed(value: dict[str, Any]) -> Runs:
    if type(value["counts"]) is not list or len(value["size"]) < 2:
        raise TypeError
    found = coco_mask.frPyObjects(value, 0, 0)
    return Runs(tuple(found["size"]), found["counts"])


def runs_add_up(drawings: Sequence[Drawing]) -> np.ndarray:
    """bool ``[N]``: run lengths are well formed and as many as their size has pixels; True for all that are none."""
    chosen = [(i, drawing) for i, drawing in enumerate(drawings) if isinstance(drawing, Runs)]
    result = np.ones(len(drawings), dtype=bool)
    if chosen:
        text = np.frombuffer(b"".join(drawing.counts for _, drawing in chosen), dtype=np.uint8)
        offsets = offsets_of(np.array([len(drawing.counts) for _, drawing in chosen], dtype=np.int64))
        runs = read_runs(text, offsets)
        wanted = np.array([drawing.size[0] * drawing.size[1] for _, drawing in chosen], dtype=np.int64)
        result[[i for i, _ in chosen]] = runs.ok & (runs.sums[0] == wanted)
    return result


def draw(
    drawing: list[np.ndarray] | Runs, adds_up: bool, size: Size | None, *, holes: bool = False
) -> tuple[dict[str, Any] | None, str]:
    """Run lengths at the image's size, and the rule that applies, "" for none (see ``rules``).

    Args:
        drawing: from :func:`parse`; adds_up: from :func:`runs_add_up`; size: (height, width) of the image, if known.
        holes: polygons inside others are holes, and no parts.

    Returns:
        None where there is no mask. A mask that nothing can overlap, for COCOeval, is blank.
    """
    if size is None:
        return None, "no_size"
    if isinstance(drawing, Runs):
        if drawing.size != size:
            return blank(size), "other_size"
        if not adds_up:
            return blank(size), "odd_runs"
        rle = {"size": list(size), "counts": drawing.counts}
    else:
        if not all(map(_is_safe, drawing)):
            return None, "unsafe_mask"
        if holes and (rle := _with_holes(drawing, size)) is not None:
            return rle, "hole"
        parts = coco_mask.frPyObjects(drawing, *size)
        rle = parts[0] if len(parts) == 1 else coco_mask.merge(parts)
    return rle, "" if coco_mask.area(rle) else "blank"


def has_nested(drawing: list[np.ndarray] | Runs) -> bool:
    """Whether one of its polygons lies inside another."""
    return not isinstance(drawing, Runs) and bool(_holes(drawing)[1].any())


def _with_holes(polygons: list[np.ndarray], size: Size) -> dict[str, Any] | None:
    """Run lengths of polygons of which one lies inside another, None of others or where nothing would be left."""
    outlines, hole = _holes(polygons)
    return with_holes(outlines, hole, *size) if hole.any() else None


def _holes(polygons: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Those polygons that are sound, and bool [P], which of them are holes."""
    outlines = [polygon for polygon in polygons if len(polygon) >= 6 and len(polygon) % 2 == 0]
    if len(outlines) < 2:
        return outlines, np.zeros(len(outlines), dtype=bool)
    offsets = offsets_of(np.array(list(map(len, outlines)), dtype=np.int64))
    return outlines, nesting(np.concatenate(outlines), offsets, np.array([0, len(outlines)])).hole


def _is_safe(polygon: np.ndarray) -> bool:
    """pycocotools takes a NaN for a number of 2³¹ pixels, and memory for each pixel of the outline."""
    reach = float(np.abs(polygon).max(initial=0.0))
    if len(polygon) * reach < MAX_OUTLINE:
        return True
    if not np.isfinite(polygon).all() or reach > MAX_OUTLINE:
        return False
    corners = polygon[: len(polygon) // 2 * 2].reshape(-1, 2)
    return float(np.abs(corners - np.roll(corners, 1, axis=0)).sum()) <= MAX_OUTLINE


def blank(size: Size) -> dict[str, Any]:
    """Run lengths of a mask without a pixel."""
    return coco_mask.frPyObjects({"size": list(size), "counts": [size[0] * size[1]]}, *size)
