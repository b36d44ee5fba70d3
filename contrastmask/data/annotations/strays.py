"""Masks that do not lie in their boxes, and boxes far larger than their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contrastmask.data.annotations.axes import EXCHANGED, EXCHANGES, exchanged_rows
from contrastmask.data.annotations.boxes import FAR_LARGER, MEASURES
from contrastmask.data.annotations.inside import INSIDE, shares_inside
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.annotations.whole_fault import nearly_all, stop
from contrastmask.data.segmentation.check import Packed
from contrastmask.data.segmentation.extents import Extents

MANY_BOXES = 20  # fewer may lie in a corner by chance
SCALES = "data.repair=true scales them to fit their boxes"
PIXELS = "or write them in pixels"
OTHERS = "box or mask is another object's, or of another picture"
UNTOLD = f"mend the file, or take `bbox` out of it: {MEASURES}"


def scales(masks: Extents, boxes: np.ndarray, stray: np.ndarray) -> np.ndarray:
    """float64 [A, 2]: what x and y of a stray mask must be multiplied by to lie just in its box; 1 where nothing fits.

    The sides give the factor, the position must agree with it; and most of the strays must be of this kind.
    """
    result = np.ones((len(boxes), 2))
    rows = np.flatnonzero(stray & masks.outline)
    if len(rows) == 0:
        return result
    around, box = masks.box[rows], boxes[rows]
    side = box[:, 2:] - box[:, :2]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        factor = side / (around[:, 2:] - around[:, :2])
        fits = (np.abs(around[:, :2] * factor - box[:, :2]) <= np.maximum(2, 0.05 * side)).all(axis=1)
    fits &= (np.isfinite(factor) & (factor > 0)).all(axis=1)
    if 2 * fits.sum() >= stray.sum():
        result[rows[fits]] = factor[fits]
    return result


def unit(factors: np.ndarray, size: np.ndarray) -> str:
    """What polygons are that need these factors [A, 2] in images of these sizes (W, H) [A, 2]; [A] at least 1."""
    for name, whole in (("in percent of the image", 100.0), ("in shares of the image (0..1)", 1.0)):
        if np.median(np.abs(factors * whole / size - 1)) < 0.1:
            return name
    return f"of a picture {1 / np.median(factors):.3g} times as large"


def count_percent(boxes: np.ndarray, size: np.ndarray, judged: np.ndarray, sieve: Sieve) -> np.ndarray:
    """Warn where every box of a file ends within 100 by 100, and fills that, though all images are far larger.

    Returns:
        bool [A], the rows that the warning is of.
    """
    rows = judged & sieve.alive
    if rows.sum() < MANY_BOXES or size[rows].min() < 2 * 100:
        return np.zeros_like(rows)
    reach = boxes[rows, 2:].max(axis=0)
    if (reach > 100.5).any() or (reach <= 90).any():
        return np.zeros_like(rows)
    reason = "no coordinate is over 100, in images of over 200 px: these may be percent of the image"
    sieve.count("warning", rows, reason, "multiply x by width / 100 and y by height / 100, boxes and polygons")
    return rows


def count_strays(
    path: Path,
    packed: Packed,
    masks: Extents,
    boxes: np.ndarray,
    size: np.ndarray,
    judged: np.ndarray,
    sieve: Sieve,
) -> None:
    """Warn of both kinds, of the objects marked in `judged`, bool [A].

    Args:
        path: of the file, for the message. boxes: float64 [A, 4], xyxy inside their images of (W, H) `size` [A, 2].

    Raises:
        DataError: nearly all masks of the file lie outside their boxes.
    """
    drawn = judged & (masks.present | masks.outline)
    stray = drawn & (shares_inside(masks.box, boxes) < INSIDE)
    if stray.any():
        factors = scales(masks, boxes, stray)
        scaled = (factors != 1).any(axis=1)
        turned = drawn & exchanged_rows(packed, masks, boxes, size, stray & ~scaled.any())
        # what has no pixel is counted as that, unless another reading would give it some
        stray &= masks.present | scaled | turned
        # boxes end where their image does: a mask that goes on beyond is no stranger to its box
        seen = np.clip(masks.box, 0, np.concatenate([size, size], axis=1))
        strange = scaled | turned | (stray & (shares_inside(seen, boxes) < INSIDE))
        faults = []
        if scaled.any():
            what = unit(factors[scaled], size[scaled])
            faults.append((scaled, f"mask does not lie in its box: polygons are {what}", SCALES, f"{SCALES}; {PIXELS}"))
        if turned.any():
            reason = f"mask does not lie in its box: {EXCHANGED}"
            faults.append((turned, reason, EXCHANGES, f"{EXCHANGES}; or write them COCO's way"))
        reason = f"mask does not lie in its box, over {1 - INSIDE:.0%} is outside"
        faults.append((stray & ~scaled & ~turned, reason, f"{OTHERS}; look at these rows", f"{OTHERS}; {UNTOLD}"))
        if nearly_all(strange, drawn):
            rows, reason, _, way = faults[0]
            stop(path, rows & strange, reason, way, sieve)
        for rows, reason, remedy, _ in faults:
            sieve.count("warning", rows, reason, remedy)
    with np.errstate(over="ignore", invalid="ignore"):
        around = (masks.box[:, 2:] - masks.box[:, :2]).prod(axis=1)
        far = judged & masks.present & ~stray & ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) > FAR_LARGER * around)
    remedy = "data.repair=true measures such boxes on their masks"
    sieve.count("warning", far, f"box over {FAR_LARGER} times as large as its mask", remedy)
