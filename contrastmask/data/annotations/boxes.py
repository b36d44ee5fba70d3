"""Boxes of a file: xywh → xyxy inside the image, or a reason why not; with a repair, from the mask."""

from __future__ import annotations

import numpy as np

from contrastmask.data.annotations.box_forms import PIXELS, WAY, BoxForm, box_form
from contrastmask.data.annotations.keys import READS_TEXT
from contrastmask.data.annotations.row_table import Column
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.columns import quadruples
from contrastmask.data.segmentation.check import REACH
from contrastmask.data.segmentation.extents import Extents

MIN_BOX_SIDE = 1.0
FAR_LARGER = 4  # times the area around the mask
PROBLEMS = (
    "",
    "bbox is not four finite numbers",
    "box with a side below 1 px",
    f"box coordinate over {REACH} image sides",
    "box outside its image, or all but 1 px",
)
MEASURES = "data.repair=true measures boxes on masks"
TURNED = "five numbers are a turned box: the upright one around it is needed"
SAMPLE = 50


def odd_boxes_way(bbox: Column, xywh: np.ndarray) -> str:
    """What to do about values that are no four numbers, as far as the first of them tell.

    Args:
        bbox: A values. xywh: float64 [A, 4], what was read of them.
    """
    odd = [bbox[row] for row in np.flatnonzero(np.isnan(xywh).any(axis=1))[:SAMPLE].tolist()]
    if np.isfinite(quadruples(odd, text=True)).all(axis=1).any():
        return READS_TEXT
    return TURNED if any(type(value) is list and len(value) == 5 for value in odd) else ""


def count_odd_boxes(bbox: Column, xywh: np.ndarray, sieve: Sieve) -> None:
    """Count the rows whose `bbox` of another form than four numbers was read all the same; arguments as above."""
    read = np.isnan(quadruples(bbox)).any(axis=1) & np.isfinite(xywh).all(axis=1)
    sieve.count("repaired", read, "bbox is text or an object: read as four numbers")


def clean_boxes(
    xywh: np.ndarray,
    size: np.ndarray,
    masks: Extents,
    form: BoxForm,
    sieve: Sieve,
    *,
    repair: bool,
    way: str = "",
) -> np.ndarray:
    """Drop useless boxes, clip the others.

    Args:
        xywh: float64 [A, 4], NaN where the file has no number. size: int64 [A, 2], the images' (W, H).
        form: what the boxes are, as `box_form` tells.
        repair: read boxes of another form (two corners, shares of the image), and measure useless ones on masks.
        way: what to do about those that are no numbers.

    Returns:
        float64 [A, 4], xyxy; meaningful where the sieve keeps the row.
    """
    boxes, way_of_form = form.read(xywh, size) if repair else _corners(xywh), WAY if form.told else PIXELS
    if form.name:
        mended = repair and form.told
        sieve.count("repaired" if mended else "warning", form.rows, form.reason, "" if mended else way_of_form)
    problem = _problems(boxes, size, np.isfinite(xywh).all(axis=1))
    useless = problem > 0
    with np.errstate(invalid="ignore"):
        limit = np.concatenate([size, size], axis=1)
        measured = np.clip(masks.box, 0, limit)
        measurable = masks.present & ((measured[:, 2:] - measured[:, :2]) >= MIN_BOX_SIDE).all(axis=1)
    if repair:
        sieve.count("repaired", useless & measurable, "without a usable box: measured on the mask")
        far = measurable & ~useless & (_area(boxes) > FAR_LARGER * _area(measured)) & _inside(measured, boxes)
        sieve.count("repaired", far, f"box over {FAR_LARGER} times as large as its mask: measured on the mask")
        boxes = np.where((useless & measurable | far)[:, None], measured, boxes)
        problem = np.where(measurable & useless, 0, problem)
    for code, reason in enumerate(PROBLEMS[1:], 1):
        bad = problem == code
        ways = (
            [] if repair else [way_of_form] * bool(form.name and code > 1) + [MEASURES] * bool((bad & measurable).any())
        )
        sieve.drop(bad, reason, "; ".join([way] * bool(way and code == 1) + ways))
    boxes = np.where(np.isfinite(boxes), boxes, 0)
    clipped = np.clip(boxes, 0, limit)
    with np.errstate(over="ignore"):
        beyond = np.abs(clipped - boxes).max(axis=1, initial=0) > 1
    sieve.count("repaired", beyond, "box clipped to its image by more than 1 px")
    return clipped


def clipped_boxes(xywh: np.ndarray, size: np.ndarray, masks: Extents) -> tuple[np.ndarray, np.ndarray]:
    """xyxy float64 [A, 4] inside the image, in whatever form the file has them, and bool [A]: the box can be used."""
    boxes = box_form(xywh, size, masks).read(xywh, size)
    usable = _problems(boxes, size, np.isfinite(xywh).all(axis=1)) == 0
    return np.clip(np.where(usable[:, None], boxes, 0), 0, np.concatenate([size, size], axis=1)), usable


def _corners(xywh: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def _problems(boxes: np.ndarray, size: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """uint8 [A], index into `PROBLEMS` of xyxy boxes of any value."""
    problem = np.zeros(len(boxes), dtype=np.uint8)
    limit = np.concatenate([size, size], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        clipped = np.clip(boxes, 0, limit)
        problem[((clipped[:, 2:] - clipped[:, :2]) < MIN_BOX_SIDE).any(axis=1)] = 4
        reach = REACH * size.max(axis=1, initial=0)
        problem[~(np.abs(boxes).max(axis=1, initial=0) <= reach)] = 3
        problem[((boxes[:, 2:] - boxes[:, :2]) < MIN_BOX_SIDE).any(axis=1)] = 2
    problem[~finite] = 1
    return problem


def _area(boxes: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _inside(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return ((inner[:, :2] >= outer[:, :2] - 1) & (inner[:, 2:] <= outer[:, 2:] + 1)).all(axis=1)
