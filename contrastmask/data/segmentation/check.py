"""COCO segmentations checked before any C code sees them, for one annotation or for a million at once.

pycocotools trusts its input: NaN, infinite or huge coordinates kill the process, wrong run lengths decode memory that
nobody wrote. Here every number is checked in numpy first; what passes is safe for pycocotools and faster-coco-eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.columns import integers, offsets_of, take_rows
from contrastmask.data.segmentation.outlines import Outlines, measure
from contrastmask.data.segmentation.polygons import Polygons
from contrastmask.data.segmentation.rle import run_sums
from contrastmask.data.segmentation.table import SegmentationTable
from contrastmask.errors import DataError

# Coordinates may lie outside the image (annotators overshoot), but not by more than this many times its longer side.
REACH = 4
# pycocotools keeps 40 bytes for every pixel of outline length.
MAX_OUTLINE = 10_000_000

PROBLEMS = (
    "",
    "no segmentation",
    "segmentation is empty",
    "segmentation is neither polygons (lists of numbers) nor run lengths",
    "polygon with an odd number of coordinates",
    f"polygon coordinate not finite or over {REACH} times the image's longer side",
    "polygon with fewer than 3 points",
    "polygon outline longer than the image can hold",
    "run lengths of another size than the image",
    "run lengths malformed, or not adding up to the image's pixels",
)
SOUND, MISSING, EMPTY, NO_FORMAT, ODD, FAR, SHORT, LONG, WRONG_SIZE, MALFORMED = range(len(PROBLEMS))
# What a repair may read in another way, and what is said of it.
MENDABLE = (NO_FORMAT, SHORT, WRONG_SIZE, MALFORMED)
MENDS = "data.repair=true reads what can only mean one mask"


@dataclass(frozen=True, eq=False)
class Packed:
    """What checking A segmentations gave.

    Attributes:
        table: the sound ones; rows with a problem are empty.
        problem: uint8 [A], index into `PROBLEMS`; 0 where sound.
        trimmed: bool [A], polygons of fewer than 3 points were removed beside sound ones.
        blank: bool [A], sound, but not one pixel of the mask is set (collinear, or outside the image).
        outline: measures of the polygons; they mean nothing where there is a problem.
    """

    table: SegmentationTable
    problem: np.ndarray
    trimmed: np.ndarray
    blank: np.ndarray
    outline: Outlines

    @property
    def lacking(self) -> np.ndarray:
        """bool [A]: no mask, for whatever reason."""
        return (self.problem != SOUND) | self.blank


def lacks_mask(segmentations: Sequence[Any], heights: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The one meaning of "has no mask": missing, null, empty in any form, unreadable, or without a pixel in its image.

    Args:
        segmentations: A values as JSON gives them. heights, widths: int64 [A] of each annotation's own image.

    Returns:
        bool [A].
    """
    return pack(segmentations, heights, widths).lacking


def pack(segmentations: Sequence[Any], heights: np.ndarray, widths: np.ndarray) -> Packed:
    """Check segmentations of any content against their images' sizes and pack them.

    Args:
        segmentations: A values as JSON gives them. heights, widths: int64 [A] of each annotation's own image.
    """
    count = len(segmentations)
    heights, widths = np.asarray(heights, dtype=np.int64), np.asarray(widths, dtype=np.int64)
    trimmed, blank = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    table, problem = _gather(segmentations, heights, widths)
    has_runs = np.diff(table.run_rows) > 0
    ok, pixels, area = run_sums(table.runs, table.run_rows)
    problem[has_runs & ~(ok & (pixels == heights * widths))] = MALFORMED
    blank |= has_runs & (problem == SOUND) & (area == 0)
    table, outline = _check_polygons(table, heights, widths, problem, trimmed, blank)
    unsound = (problem != SOUND) & table.present
    if unsound.any():
        table = table.take(np.arange(count), ~unsound)
    return Packed(table, problem, trimmed, blank, outline)


def _gather(
    segmentations: Sequence[Any], heights: np.ndarray, widths: np.ndarray
) -> tuple[SegmentationTable, np.ndarray]:
    """All numbers in one table, and uint8 [A], the problem of what could not be read."""
    if not isinstance(segmentations, Polygons):
        segmentations = Polygons(segmentations)
    count, rows = len(segmentations), segmentations.rows
    none = np.diff(rows) == 0
    problem, lengths = np.where(none, MISSING, SOUND).astype(np.uint8), np.zeros(count, dtype=np.int64)
    text = bytearray()
    for row, segmentation in sorted(segmentations.others.items()):
        if not none[row]:
            continue
        before = len(text)
        if not segmentation or _is_empty(segmentation):
            problem[row] = EMPTY
        elif type(segmentation) is dict:
            problem[row] = _read_runs(segmentation, int(heights[row]), int(widths[row]), text)
        else:
            problem[row] = NO_FORMAT
        lengths[row] = len(text) - before
    table = SegmentationTable(
        np.frombuffer(segmentations.coordinates) if segmentations.coordinates else np.empty(0),
        offsets_of(np.array(segmentations.lengths, dtype=np.int64)),
        rows,
        np.frombuffer(bytes(text), dtype=np.uint8),
        offsets_of(lengths),
    )
    return table, problem


def _is_empty(segmentation: Any) -> bool:
    """Written down, and nothing in it: [[]], [[], []], {"counts": []}, "" and their like."""
    if type(segmentation) is dict:
        return not segmentation.get("counts")
    if type(segmentation) is str:
        return not segmentation.strip()
    return type(segmentation) is list and not segmentation[0] and not any(segmentation)


def _read_runs(rle: dict[str, Any], height: int, width: int, text: bytearray) -> int:
    """Append one annotation's run lengths, compressed; whether the result is well formed is checked for all at once."""
    size, counts = rle.get("size"), rle.get("counts")
    if type(size) not in (list, tuple) or list(size) != [height, width]:
        return WRONG_SIZE
    if type(counts) is list:
        runs, ok = integers(counts)
        total = height * width
        if not len(runs) or not ok.all() or runs.min() < 0 or runs.max() > total or runs.sum() != total:
            return MALFORMED
        counts = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)["counts"]
    if type(counts) is str and counts.isascii():
        counts = counts.encode("ascii")
    if type(counts) is not bytes or not counts:
        return MALFORMED
    text += counts
    return SOUND


def _check_polygons(
    table: SegmentationTable,
    heights: np.ndarray,
    widths: np.ndarray,
    problem: np.ndarray,
    trimmed: np.ndarray,
    blank: np.ndarray,
) -> tuple[SegmentationTable, Outlines]:
    """Note every polygon row's problem in place; the table without these rows and without short parts, measured."""
    lengths = np.diff(table.polygons)
    owner = np.repeat(np.arange(len(table)), np.diff(table.polygon_rows))
    filled = lengths > 0
    reach = np.zeros(len(lengths))
    if filled.any():
        starts = table.polygons[:-1][filled]
        # no copy of all coordinates for their absolute values
        greatest, least = (part.reduceat(table.coordinates, starts) for part in (np.maximum, np.minimum))
        reach[filled] = np.maximum(greatest, -least)
    problem[owner[lengths % 2 == 1]] = ODD
    # Not `reach > limit`: NaN must fail, too.
    problem[owner[~(reach <= REACH * np.maximum(heights, widths)[owner])]] = FAR
    short = lengths < 6
    sound = ~short & (problem[owner] == SOUND)
    with_sound = np.bincount(owner[sound], minlength=len(table)) > 0
    problem[(np.diff(table.polygon_rows) > 0) & (problem == SOUND) & ~with_sound] = SHORT
    trimmed[owner[short & (problem[owner] == SOUND)]] = True
    if not sound.all():
        coordinates, polygons = take_rows(table.coordinates, table.polygons, np.flatnonzero(sound))
        rows = offsets_of(np.bincount(owner[sound], minlength=len(table)))
        table = SegmentationTable(coordinates, polygons, rows, table.runs, table.run_rows)

    outline = measure(table.coordinates, table.polygons, table.polygon_rows)
    limit = np.minimum(4 * (heights * widths + heights + widths), MAX_OUTLINE)
    problem[outline.length > limit] = LONG
    for row in np.flatnonzero(outline.may_be_blank(heights, widths) & (problem == SOUND)):
        height, width = int(heights[row]), int(widths[row])
        blank[row] = not rasterise(table.get(row, height, width), height, width).any()
    return table, outline


def check(segmentation: Any, height: int, width: int) -> list[list[float]] | dict[str, Any]:
    """One segmentation (polygons, RLE compressed or not) as a safe copy: polygons, or RLE with compressed `counts`.

    Raises:
        DataError: naming what is wrong with it.
    """
    if min(height, width) < 1 or height * width >= 2**29:
        raise DataError(f"no mask has the size {height}×{width}")
    packed = pack([segmentation], np.array([height]), np.array([width]))
    if packed.problem[0] != SOUND:
        raise DataError(PROBLEMS[packed.problem[0]])
    return packed.table.get(0, height, width)


def decode(segmentation: Any, height: int, width: int) -> np.ndarray:
    """Check one segmentation and rasterise it at its image's size: uint8 [H, W] in {0, 1}.

    Raises:
        DataError: see `check`.
    """
    return rasterise(check(segmentation, height, width), height, width)


def rasterise(segmentation: list[list[float]] | dict[str, Any], height: int, width: int) -> np.ndarray:
    """`decode` for what has been checked already; the union of its polygons, uint8 [H, W]."""
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    return coco_mask.decode(segmentation)
