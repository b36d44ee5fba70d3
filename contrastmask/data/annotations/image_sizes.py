"""Heights and widths of an annotation file's images; asked for, of the pictures themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotations.keys import Keys, read_references, whole_number
from contrastmask.data.annotations.row_table import RowTable
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.columns import integers, positions_in, quadruples
from contrastmask.data.images.picture_size import PictureSize, picture_sizes
from contrastmask.data.reading import Reading
from contrastmask.data.report import Report


def read_sizes(
    sieve: Sieve,
    names: list[Any],
    image_root: Path,
    report: Report,
    reading: Reading,
    keys: Keys,
    annotations: list[Any] | RowTable,
) -> tuple[np.ndarray, np.ndarray]:
    """Heights and widths, int64 [I] each, of the file's images; images without are dropped.

    A repair takes from the picture what the file lacks, and what it has the wrong way round.

    Args:
        sieve: of the images' rows, its report that of the faults. names: theirs, by which pictures are found.
        report: where what is mended is counted. keys: the images' ids. annotations: whose boxes tell how a size is
            meant.
    """
    repair, rules = reading.repair, reading.image_rules
    heights, widths, as_text = _said(sieve, text=repair)
    report.add("repaired", "image", "height or width is text: read as a number", sieve.ids[as_text & sieve.alive])
    wrong = (heights < 1) | (widths < 1)
    if repair or rules.exif == "apply":
        rows = sieve.kept.tolist()
        found = dict(zip(rows, picture_sizes([(image_root, names[i]) for i in rows], rules), strict=True))
        faults, sieve.report = sieve.report, report
        if repair:
            wrong = _fill(sieve, heights, widths, wrong, found)
            _turn_back(sieve, heights, widths, found, keys, annotations)
        if rules.exif == "apply":
            _show(sieve, heights, widths, found)
        sieve.report = faults
    remedy = "" if repair else "data.repair=true takes them from the pictures"
    sieve.drop(wrong, "without positive integer height and width", remedy)
    return heights, widths


def _said(sieve: Sieve, *, text: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the file says, 0 where that is no whole number, and bool [I] where it is text."""
    sides, as_text = [], np.zeros(len(sieve.ids), dtype=bool)
    for key in ("height", "width"):
        values = sieve.column(key)
        side, ok = integers(values)
        for i in np.flatnonzero(~ok).tolist() if text else ():
            if type(values[i]) is str and (number := whole_number(values[i])) is not None:
                side[i], ok[i], as_text[i] = number, True, True
        sides.append(np.where(ok, side, 0))
    return sides[0], sides[1], as_text


def _fill(
    sieve: Sieve, heights: np.ndarray, widths: np.ndarray, wrong: np.ndarray, found: dict[int, PictureSize | None]
) -> np.ndarray:
    """Sizes that the file lacks, in place; bool [I] where there is none still."""
    for i in np.flatnonzero(wrong & sieve.alive).tolist():
        size = found[i]
        heights[i], widths[i] = (size.height, size.width) if size else (0, 0)
    still = (heights < 1) | (widths < 1)
    sieve.count("repaired", wrong & ~still, "without positive integer height and width: taken from the picture")
    return still


def _turn_back(
    sieve: Sieve,
    heights: np.ndarray,
    widths: np.ndarray,
    found: dict[int, PictureSize | None],
    keys: Keys,
    annotations: list[Any] | RowTable,
) -> None:
    """Exchange, in place, heights and widths that the pictures have the other way round, unless the boxes lie in the
    images as the file says: then somebody turned the pictures."""
    exchanged = np.zeros(len(heights), dtype=bool)
    for i, size in found.items():
        exchanged[i] = size is not None and size.exchanges(int(heights[i]), int(widths[i]))
    if exchanged.any() and _boxes_agree(exchanged, heights, widths, sieve.ids, keys, annotations):
        heights[exchanged], widths[exchanged] = widths[exchanged], heights[exchanged]
        sieve.count("repaired", exchanged, "whose width and height are exchanged: taken from the picture")


def _boxes_agree(
    exchanged: np.ndarray,
    heights: np.ndarray,
    widths: np.ndarray,
    ids: np.ndarray,
    keys: Keys,
    annotations: list[Any] | RowTable,
) -> bool:
    """Whether no more boxes of the exchanged images fit the file's size alone than the picture's alone."""
    rows = Sieve(annotations, "annotation", Report())
    refers, ok, _ = read_references(rows.column("image_id"), keys, text=True)
    image, known = positions_in(ids, refers)
    xywh = quadruples(rows.column("bbox"), text=True)
    judged = ok & known & np.isfinite(xywh).all(axis=1)
    judged &= exchanged[image]
    with np.errstate(over="ignore"):
        end = xywh[judged, :2] + xywh[judged, 2:] - 1  # a pixel beyond is rounding
    size = np.stack([widths, heights], axis=1)[image[judged]]
    as_said, as_found = (end <= size).all(axis=1), (end <= size[:, ::-1]).all(axis=1)
    return bool((as_said & ~as_found).sum() <= (as_found & ~as_said).sum())


def _show(sieve: Sieve, heights: np.ndarray, widths: np.ndarray, found: dict[int, PictureSize | None]) -> None:
    """Exchange height and width, in place, of pictures that a viewer shows with their sides the other way round."""
    turned = np.zeros(len(heights), dtype=bool)
    for i, size in found.items():
        said = int(widths[i]), int(heights[i])
        turned[i] = size is not None and size.turned and (size.height, size.width) == said != said[::-1]
    heights[turned], widths[turned] = widths[turned], heights[turned]
    sieve.count("repaired", turned, "whose size is the one before EXIF turns it: exchanged, data.exif=apply")
