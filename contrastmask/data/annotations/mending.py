"""Segmentations in forms that are not COCO's, read as what they can only mean: asked for by `Reading.repair` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from contrastmask.data.annotations.axes import EXCHANGED, exchanged, exchanged_rows
from contrastmask.data.annotations.boxes import clipped_boxes
from contrastmask.data.annotations.inside import INSIDE, shares_inside
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.annotations.strays import scales, unit
from contrastmask.data.segmentation.check import MISSING, SOUND, Packed, lacks_mask, pack
from contrastmask.data.segmentation.extents import Extents, mask_extents

SAMPLE = 50
MOST_TEXT = 1_000_000  # characters of a segmentation that is JSON within JSON


def mend_masks(
    raw: list[Any], packed: Packed, xywh: np.ndarray, size: np.ndarray, sieve: Sieve
) -> tuple[Packed, Extents]:
    """Read again, in other ways, what could not be read or does not lie in its box.

    What is read anew must lie in its box, where the file has one that can be used.

    Args:
        raw: the rows' segmentations. xywh: float64 [A, 4]. size: int64 [A, 2], the images' (W, H).
    """
    widths, heights = size.T
    boxes, usable = clipped_boxes(xywh, size, mask_extents(packed, heights))
    raw, changed = list(raw), np.zeros(len(raw), dtype=bool)
    for row in np.flatnonzero((packed.problem != SOUND) & (packed.problem != MISSING)).tolist():
        for meant in meanings(raw[row], int(heights[row]), int(widths[row])):
            again = pack([meant], heights[row : row + 1], widths[row : row + 1])
            around = mask_extents(again, heights[row : row + 1])
            if not again.lacking[0] and (
                not usable[row] or shares_inside(around.box, boxes[row : row + 1])[0] >= INSIDE
            ):
                raw[row], changed[row] = meant, True
                break
    sieve.count("repaired", changed, "segmentation in another form than COCO's: read as what it can only mean")
    if changed.any():
        packed = pack(raw, heights, widths)
    return _settle_strays(raw, packed, boxes, usable, size, sieve)


def may_mend(raw: list[Any], rows: np.ndarray, size: np.ndarray) -> bool:
    """Whether one of the first of these rows, bool [A], could be read in another way."""
    for row in np.flatnonzero(rows)[:SAMPLE].tolist():
        width, height = size[row].tolist()
        for meant in meanings(raw[row], height, width):
            if not lacks_mask([meant], np.array([height]), np.array([width]))[0]:
                return True
    return False


def _settle_strays(
    raw: list[Any], packed: Packed, boxes: np.ndarray, usable: np.ndarray, size: np.ndarray, sieve: Sieve
) -> tuple[Packed, Extents]:
    """Scale polygons, or exchange x and y, where the masks then lie in their boxes."""
    widths, heights = size.T
    masks = mask_extents(packed, heights)
    stray = usable & sieve.alive & (masks.present | masks.outline) & (shares_inside(masks.box, boxes) < INSIDE)
    factors = scales(masks, boxes, stray)
    scaled = (factors != 1).any(axis=1)
    turned = usable & sieve.alive & exchanged_rows(packed, masks, boxes, size, stray & ~scaled.any())
    if not (scaled | turned).any():
        return packed, masks
    for row in np.flatnonzero(scaled).tolist():
        raw[row] = [(np.array(p).reshape(-1, 2) * factors[row]).ravel().tolist() for p in raw[row] if len(p) % 2 == 0]
    for row in np.flatnonzero(turned).tolist():
        width, height = size[row].tolist()
        raw[row] = exchanged(packed.table.get(row, height, width), height, width)
    if scaled.any():
        sieve.count("repaired", scaled, f"polygons {unit(factors[scaled], size[scaled])}: scaled to fit their boxes")
    sieve.count("repaired", turned, f"{EXCHANGED}: exchanged to fit their boxes")
    packed = pack(raw, heights, widths)
    return packed, mask_extents(packed, heights)


def meanings(segmentation: Any, height: int, width: int) -> Iterator[Any]:
    """COCO segmentations that a value of another form may stand for; none of them is checked.

    A flat list of coordinates; lists of points, as pairs or {"x", "y"}; one list too many around polygons or around run
    lengths; numbers as text; run lengths whose size is (W, H), or whose `counts` are the text of Python's bytes; all of
    it as JSON text.
    """
    if type(segmentation) is str and 2 < len(segmentation) <= MOST_TEXT:
        try:
            segmentation = json.loads(segmentation)
        except (ValueError, RecursionError):
            return
        yield segmentation
    if type(segmentation) is list and len(segmentation) == 1 and type(segmentation[0]) is dict:
        segmentation = segmentation[0]
    if type(segmentation) is list and segmentation:
        yield from _polygons(segmentation)
    if type(segmentation) is dict:
        yield from _run_lengths(segmentation, height, width)


def _polygons(value: list[Any]) -> Iterator[Any]:
    if (flat := _numbers(value)) is not None:
        yield [flat]
        return
    if (points := _points(value)) is not None:
        yield [points]
        return
    parts = [_numbers(part) or _points(part) if type(part) is list else None for part in value]
    if all(parts):
        yield parts
    elif len(value) == 1 and type(value[0]) is list and value[0]:
        inner = [_numbers(part) or _points(part) if type(part) is list else None for part in value[0]]
        if all(inner):
            yield inner


def _numbers(value: list[Any]) -> list[float] | None:
    """The numbers of a list of numbers, also where they are text."""
    try:
        return [float(item) if type(item) is str else item for item in value] if _all_plain(value) else None
    except ValueError:
        return None


def _all_plain(value: list[Any]) -> bool:
    return bool(value) and all(type(item) in (int, float, str) for item in value)


def _points(value: list[Any]) -> list[float] | None:
    """x, y, x, y, … of a list of pairs or of {"x", "y"}."""
    if not value:
        return None
    pairs = [[item.get("x"), item.get("y")] if type(item) is dict else item for item in value]
    if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
        return None
    numbers = [_numbers(pair) for pair in pairs]
    return [number for pair in numbers for number in pair] if all(numbers) else None


def _run_lengths(rle: dict[str, Any], height: int, width: int) -> Iterator[Any]:
    counts, size = rle.get("counts"), rle.get("size")
    if type(counts) is str and counts[:2] in ("b'", 'b"') and counts[-1] == counts[1]:
        counts = counts[2:-1].replace("\\\\", "\\")
    if type(counts) is list and counts and (numbers := _numbers(counts)) is not None:
        counts = numbers
    sides = _numbers(list(size)) if type(size) in (list, tuple) and len(size) == 2 else None
    if sides in ([height, width], [width, height]):
        yield {"size": [height, width], "counts": counts}
