"""COCO annotation file → checked `Records`.

What cannot be meant is an error that names the rows: missing keys, duplicate ids, references to nothing, file names
that leave the image folder. `Reading.repair` mends or drops such rows instead, and counts them. Harm to a single
annotation never stops: a useless box is dropped, a broken segmentation costs its mask but not its box; both are counted
in `Records.report`, with their classes and the way out.

Whether a box is kept never depends on its segmentation, as a mask that a split withholds must not decide which boxes
the model sees. Two exceptions: the file itself gives the object no area and the mask is blank; or a repair, which is
asked for, measures boxes on masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotations.areas import positive_areas, too_large
from contrastmask.data.annotations.box_forms import box_form, require_pixels
from contrastmask.data.annotations.boxes import clean_boxes, count_odd_boxes, odd_boxes_way
from contrastmask.data.annotations.categories import read_categories
from contrastmask.data.annotations.crowds import count_crowded, count_crowds
from contrastmask.data.annotations.doubles import settle_doubles
from contrastmask.data.annotations.image_table import read_images
from contrastmask.data.annotations.lists import read_lists
from contrastmask.data.annotations.masks import read_masks, settle_masks
from contrastmask.data.annotations.predicted import (
    CONFIDENCE,
    PREDICTED,
    SCORE,
    confidences,
    count_scored,
    predicted_rows,
)
from contrastmask.data.annotations.rectangles import are_boxes, count_rectangles
from contrastmask.data.annotations.references import References, count_references, sift_references
from contrastmask.data.annotations.reviewed import REVIEW, accepted_rows
from contrastmask.data.annotations.row_table import Column
from contrastmask.data.annotations.same_pictures import count_same_pictures
from contrastmask.data.annotations.strays import count_percent, count_strays
from contrastmask.data.annotations.turned import settle_turned
from contrastmask.data.columns import flags, numbers, offsets_of, quadruples
from contrastmask.data.file_content import no_garbage_collection, require_folder
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Category, Records
from contrastmask.data.report import Report
from contrastmask.data.segmentation.check import Packed
from contrastmask.data.segmentation.extents import Extents
from contrastmask.data.segmentation.polygons import Polygons
from contrastmask.errors import DataError

__all__ = ["Category", "Records", "load_annotations"]


def load_annotations(path: str | Path, image_root: str | Path, reading: Reading = AS_IT_IS) -> Records:
    """Read and check a COCO-format annotation file. Images themselves are not opened.

    `segmentation` may be missing or null: the annotation then has no mask. Boxes are clipped to the image; as in
    MMDetection, those with a side below one pixel or without overlap are dropped, as are annotations marked `ignore`.

    Args:
        path: JSON with `images`, `annotations` and `categories`.
        image_root: folder that the images' `file_name` refers to.
        reading: what to do where there is more than one way.

    Raises:
        DataError: missing file or folder (the message gives the expected layout); not JSON; no images or categories;
            ambiguous categories; nearly all masks outside their boxes; without `reading.repair` any structurally wrong
            row, and boxes of which nearly all are of another form than x, y, width, height in pixels.
    """
    return load_with_losses(path, image_root, reading)[0]


def load_with_losses(
    path: str | Path, image_root: str | Path, reading: Reading = AS_IT_IS
) -> tuple[Records, dict[str, list[int]]]:
    """As `load_annotations`, and with it the rows that are not among the records: reason → their places in the file."""
    with no_garbage_collection():
        return _load(Path(path), Path(image_root), reading)


def _load(
    path: Path, image_root: Path, reading: Reading, *, annotated: bool = True
) -> tuple[Records, dict[str, list[int]]]:
    content = read_lists(path)
    require_folder(image_root)
    report, faults, rows = Report(), Report(), content.pop("annotations")
    count = count_references(rows, text=reading.repair)
    categories, keys, alias = read_categories(path, content.pop("categories"), reading, count, report)
    images = read_images(content.pop("images"), image_root, faults, report, reading, rows)
    _settle(path, faults, reading.repair, report)
    if len(images.columns["image_ids"]) == 0:
        said = f"{path}: no image is left after dropping faulty ones; mend the file's `images`"
        raise DataError(said, report.lines())
    faults = Report()
    sieve = sift_references(rows, images, categories, keys, alias, faults, report, reading.repair)
    del rows, count
    _settle(path, faults, reading.repair, report)
    sieve.report = report
    annotations = _read_annotations(path, sieve, images.columns, reading)
    columns = {**images.columns, **annotations, "report": report, "image_rules": reading.image_rules}
    count_same_pictures(columns, report)
    return Records(path=path, image_root=image_root, categories=categories, **columns), sieve.gone


def _settle(path: Path, faults: Report, repair: bool, report: Report) -> None:
    """Raise on structural faults, or count them as dropped."""
    if faults and not repair:
        found = "\n".join("  " + line.split(": ", 1)[1] for line in faults.lines())
        raise DataError(
            f"{path} is not consistent:\n{found}\n"
            "Mend the file, or set data.repair=true: it mends what can be mended, drops the rest, and counts both"
        )
    report.update(faults)


def _read_annotations(path: Path, sieve: References, images: dict[str, np.ndarray], reading: Reading) -> dict[str, Any]:
    """The annotations' columns of `Records`."""
    crowd, ok, odd = flags(sieve.column("iscrowd"))
    sieve.drop(~ok, "iscrowd is neither 0 nor 1")
    sieve.count("repaired", odd, "iscrowd is text or not a number: read as 0 or 1")
    sieve.drop(flags(sieve.column("ignore"))[0], "marked ignore")
    columns = [
        sieve.column(key)
        for key in ("bbox", "segmentation", "area", PREDICTED, CONFIDENCE, REVIEW, "attributes", SCORE)
    ]
    kept = sieve.kept
    # Once narrow the sieve holds no parsed row: they outweigh everything else in memory.
    sieve.narrow()
    bbox, raw, area, marks, sure, reviews, attributes, scores = (_chosen(column, kept) for column in columns)
    del columns
    crowd, image, xywh, area = crowd[kept], sieve.image, quadruples(bbox, text=reading.repair), numbers(area)
    if reading.repair:
        count_odd_boxes(bbox, xywh, sieve)
    predicted, accepted = predicted_rows(marks, attributes), accepted_rows(reviews, attributes)
    confidence = confidences(sure, attributes, predicted)
    size = np.stack([images["widths"], images["heights"]], axis=1).astype(np.int64)[image]

    before_turn = np.zeros(len(kept), dtype=bool)
    if any(attributes):
        xywh, raw, before_turn = settle_turned(xywh, attributes, raw, predicted, size, sieve, repair=reading.repair)
    packed, masks, nested = read_masks(raw, xywh, size, sieve, reading)
    form = box_form(xywh, size, masks)
    if not reading.repair:
        require_pixels(path, form, sieve)
    boxes = clean_boxes(xywh, size, masks, form, sieve, repair=reading.repair, way=odd_boxes_way(bbox, xywh))
    misread = form.rows & (not reading.repair)  # what else such boxes would be found to be follows from that
    del bbox
    sieve.drop(packed.blank & (area <= 0), "area and mask are empty")
    crowd = _settle_crowds(crowd, predicted, packed, masks, boxes, size, sieve, reading)
    has_mask = settle_masks(raw, packed, predicted, accepted, before_turn, size, sieve, reading)
    nested.count(has_mask, sieve)
    untold = has_mask & predicted & np.isnan(confidence)
    sieve.count("noted", untold, "mask is a prediction that tells no confidence in 0..1")
    count_scored(scores, has_mask & ~predicted & ~crowd, sieve)
    # what is drawn inside a rectangle shows that somebody meant a mask
    rectangles = are_boxes(masks, boxes, size) & has_mask & ~crowd & ~nested.rows & sieve.alive
    if reading.rectangles == "box":
        sieve.count("without_mask", rectangles, "mask is its own box")
        has_mask &= ~rectangles
    else:
        count_rectangles(rectangles & ~before_turn, has_mask & ~crowd & sieve.alive, sieve)
    del raw
    sound = ~crowd & ~misread
    count_strays(path, packed, masks, boxes, size, sieve.alive & sound, sieve)
    percent = count_percent(boxes, size, ~crowd, sieve)
    join = reading.duplicates == "join"
    settle_doubles(boxes, image, has_mask, sieve.alive & sound, packed.table.same, sieve, join=join)
    count_crowded(image, ~crowd, images["image_ids"], sieve)
    large = too_large(area, xywh, boxes, masks) & sound & ~percent
    areas = positive_areas(area, boxes, packed.table, has_mask, size, sieve, large=large, repair=reading.repair)

    survivors = sieve.kept
    rows = survivors[np.argsort(image[survivors], kind="stable")]
    table = packed.table.take(rows, has_mask[rows])
    return {
        "offsets": offsets_of(np.bincount(image[rows], minlength=len(images["heights"]))),
        "rows": sieve.place[rows],
        "ann_ids": sieve.ids[rows],
        "boxes": boxes[rows].astype(np.float32),
        "labels": sieve.label[rows],
        "areas": areas[rows],
        "crowd": crowd[rows],
        "predicted": predicted[rows] & ~packed.lacking[rows],
        "confidence": confidence[rows],
        "segmentations": table,
    }


def _chosen(column: Column, kept: np.ndarray) -> Column:
    if len(kept) == len(column):
        return column
    if isinstance(column, Polygons):
        return column.take(kept)
    return column[kept] if isinstance(column, np.ndarray) else [column[i] for i in kept.tolist()]


def _settle_crowds(
    crowd: np.ndarray,
    predicted: np.ndarray,
    packed: Packed,
    masks: Extents,
    boxes: np.ndarray,
    size: np.ndarray,
    sieve: References,
    reading: Reading,
) -> np.ndarray:
    if reading.crowd == "object":
        sieve.count("repaired", crowd, "with iscrowd 1: read as objects")
        return np.zeros(len(crowd), dtype=bool)

    def segmentation(row: int) -> Any:
        return packed.table.get(row, int(size[row, 1]), int(size[row, 0]))

    count_crowds(crowd, predicted, masks, boxes, segmentation, sieve)
    return crowd
