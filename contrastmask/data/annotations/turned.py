"""Boxes that were turned: COCO files of CVAT and Encord have them before the turn, and the angle under `attributes`.

CVAT writes no `segmentation` beside them, Encord a polygon of the four corners: those before the turn, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.columns import numbers
from contrastmask.data.segmentation.check import lacks_mask

ANGLE = "rotation"  # degrees, clockwise on the screen, about the box's centre
FEWEST = 0.5  # px that a side has to move
ROUNDING = 0.1  # px between a corner of the polygon and the box's: of two numbers, each to one place
REASON = f"box is turned by its attributes.{ANGLE}, and the file has it before the turn"
OUTLINED = f"box is turned by its attributes.{ANGLE}, and the file has it and, as a mask, its corners before the turn"
OUTLINE = "mask is the box before its turn"
UPRIGHT = "the upright box around it"


def settle_turned(
    xywh: np.ndarray,
    attributes: Sequence[Any],
    raw: Sequence[Any],
    predicted: np.ndarray,
    size: np.ndarray,
    sieve: Sieve,
    *,
    repair: bool,
) -> tuple[np.ndarray, Sequence[Any], np.ndarray]:
    """Count turned boxes of objects without a mask that a person drew, which tells where the object is.

    A polygon of the box's own corners before the turn does not; it stays a mask unless `repair` is asked for.

    Args:
        xywh: float64 [A, 4]. attributes, raw: the rows' `attributes` and `segmentation`. predicted: bool [A], a model
            made the mask. size: int64 [A, 2], (W, H).

    Returns:
        float64 [A, 4], with `repair` the upright boxes around the turned ones; the segmentations, with `repair` None in
        place of such polygons; bool [A], the file has such a polygon.
    """
    turned, moved = upright_boxes(xywh, attributes)
    rows = np.flatnonzero(moved)
    if len(rows) == 0:
        return xywh, raw, moved
    values = [raw[row] for row in rows.tolist()]
    lacks = predicted[rows] | lacks_mask(values, size[rows, 1], size[rows, 0])
    drawn_by_nobody = ~lacks & are_before_turn(xywh[rows], [attributes[row] for row in rows.tolist()], values)
    alone, outlined = np.zeros((2, len(xywh)), dtype=bool)
    alone[rows], outlined[rows] = lacks, drawn_by_nobody
    if not repair:
        sieve.count("warning", alone, REASON, f"data.repair=true takes {UPRIGHT}")
        sieve.count("warning", outlined, OUTLINED, f"data.repair=true takes {UPRIGHT}, and no mask")
        return xywh, raw, outlined
    sieve.count("repaired", alone, f"{REASON}: {UPRIGHT}")
    sieve.count("repaired", outlined, f"{OUTLINED}: {UPRIGHT}, and no mask")
    if outlined.any():
        raw = [None if none else value for none, value in zip(outlined.tolist(), raw, strict=True)]
    return np.where((alone | outlined)[:, None], turned, xywh), raw, outlined


def upright_boxes(xywh: np.ndarray, attributes: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The upright boxes around the turned ones, xywh float64 [A, 4], and bool [A]: the turn moves a side of the box.

    Args:
        xywh: float64 [A, 4], as in the file. attributes: the rows' `attributes`.
    """
    angles = np.nan_to_num(numbers([v.get(ANGLE) if type(v) is dict else None for v in attributes]), posinf=0, neginf=0)
    rows = np.flatnonzero((angles != 0) & np.isfinite(xywh).all(axis=1))
    turned, radians = xywh.copy(), np.radians(angles[rows])
    sides, sine, cosine = xywh[rows, 2:], np.abs(np.sin(radians)), np.abs(np.cos(radians))
    with np.errstate(over="ignore", invalid="ignore"):
        turned[rows, 2:] = np.stack([cosine, sine], 1) * sides[:, :1] + np.stack([sine, cosine], 1) * sides[:, 1:]
        turned[rows, :2] += (sides - turned[rows, 2:]) / 2
        return turned, (np.abs(turned - xywh) > FEWEST).any(axis=1)


def are_before_turn(xywh: np.ndarray, attributes: Sequence[Any], raw: Sequence[Any]) -> np.ndarray:
    """bool [A]: the box is turned by its angle, and the segmentation is one polygon of its four corners before that.

    Args:
        xywh, attributes: as above. raw: the rows' `segmentation`.
    """
    found = upright_boxes(xywh, attributes)[1]
    for row in np.flatnonzero(found).tolist():
        found[row] = _are_corners(raw[row], xywh[row])
    return found


def _are_corners(segmentation: Any, xywh: np.ndarray) -> bool:
    """One polygon of the box's four corners, in either direction from any of them."""
    if type(segmentation) is not list or len(segmentation) != 1 or type(segmentation[0]) not in (list, array):
        return False
    points = numbers(segmentation[0])
    if len(points) != 8:
        return False
    off = np.abs(points.reshape(4, 1, 2) - [xywh[:2], xywh[:2] + xywh[2:]])  # of the near and the far sides
    far = off[:, 1] < off[:, 0]
    if not (off.min(axis=1) <= ROUNDING).all():  # NaN is near to nothing
        return False
    corner = far @ [1, 2]
    return len(set(corner.tolist())) == 4 and bool((far != np.roll(far, 1, axis=0)).sum(axis=1).max() == 1)
