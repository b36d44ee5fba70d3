"""COCO annotation file → checked `Records`.

What cannot be meant is an error that names the rows: missing keys, duplicate ids, references to nothing, file names
that leave the image folder. `Reading.repair` drops and counts such rows instead. Harm to a single annotation never
stops: a useless box is dropped, a broken segmentation costs its mask but not its box; both are counted in
`Records.report`.

Whether a box is kept never depends on its segmentation (one exception: the file itself gives the object no area and the
mask is blank): a mask that a split withholds must not decide which boxes the model sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotation_tables import References, read_categories, read_images, sift_references
from contrastmask.data.columns import numbers, offsets_of, quadruples
from contrastmask.data.file_content import no_garbage_collection, read_json, require_folder
from contrastmask.data.predicted import PREDICTED, predicted_rows
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Category, Records
from contrastmask.data.report import Report
from contrastmask.data.segmentation import PROBLEMS, REACH, SOUND, pack, rasterise
from contrastmask.data.segmentation_table import SegmentationTable
from contrastmask.errors import DataError

__all__ = ["Category", "Records", "load_annotations"]

MIN_BOX_SIDE = 1.0


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
            ambiguous categories; without `reading.repair` any structurally wrong row.
    """
    with no_garbage_collection():
        return _load(Path(path), Path(image_root), reading)


def _load(path: Path, image_root: Path, reading: Reading) -> Records:
    content = _read_content(path)
    require_folder(image_root)
    report, faults = Report(), Report()
    categories = read_categories(path, content.pop("categories"))
    images = read_images(content.pop("images"), faults, report)
    _settle(path, faults, reading.repair, report)
    if len(images["image_ids"]) == 0:
        raise DataError(f"{path}: no image is left after dropping faulty ones; mend the file's `images`")
    faults = Report()
    sieve = sift_references(content.pop("annotations"), images["image_ids"], categories, faults)
    _settle(path, faults, reading.repair, report)
    annotations = _read_annotations(sieve, images, reading, report)
    return Records(path=path, image_root=image_root, categories=categories, **images, **annotations, report=report)


def _read_content(path: Path) -> dict[str, list[Any]]:
    content = read_json(path)
    if type(content) is not dict:
        raise DataError(
            f"{path} is no COCO annotation file: its top level is a {type(content).__name__}, not an object"
        )
    result = {}
    for key in ("images", "annotations", "categories"):
        if type(content.get(key)) is not list:
            raise DataError(
                f"{path} is no COCO instance annotation file: {key!r} is "
                f"{'no list' if key in content else 'missing'}; it has {', '.join(sorted(content)[:8]) or 'no keys'}"
            )
        result[key] = content[key]
    for key in ("images", "categories"):
        if not result[key]:
            raise DataError(f"{path}: {key!r} is empty; the file describes no data")
    return result


def _settle(path: Path, faults: Report, repair: bool, report: Report) -> None:
    """Raise on structural faults, or count them as dropped."""
    if faults and not repair:
        found = "\n".join("  " + line.split(": ", 1)[1] for line in faults.lines())
        raise DataError(
            f"{path} is not consistent:\n{found}\nMend the file, or set data.repair=true to drop and count these rows"
        )
    report.update(faults)


def _read_annotations(
    sieve: References, images: dict[str, np.ndarray], reading: Reading, report: Report
) -> dict[str, Any]:
    """The annotations' columns of `Records`."""
    sieve.report, ids, image = report, sieve.ids, sieve.image
    heights, widths = (images[name].astype(np.int64) for name in ("heights", "widths"))
    size = np.stack([widths, heights], axis=1)[image]
    crowd, ok = _flags(sieve.column("iscrowd"))
    sieve.drop(~ok, "iscrowd is neither 0 nor 1")
    sieve.drop(_flags(sieve.column("ignore"))[0], "marked ignore")
    boxes = _clean_boxes(quadruples(sieve.column("bbox")), size, sieve)

    kept = sieve.kept
    raw = sieve.column("segmentation", kept)
    predicted = predicted_rows(sieve.column(PREDICTED, kept), sieve.column("attributes", kept))
    area = numbers(sieve.column("area", kept))
    # The parsed rows outweigh everything else in memory; they are needed no longer.
    sieve.rows.clear()
    packed = pack(raw, heights[image[kept]], widths[image[kept]])
    del raw
    for problem in np.unique(packed.problem[packed.problem != SOUND]):
        report.add("without_mask", "annotation", PROBLEMS[problem], ids[kept][packed.problem == problem])
    report.add("repaired", "annotation", "polygons of fewer than 3 points removed", ids[kept][packed.trimmed])
    void = packed.blank & (area <= 0)
    report.add("dropped", "annotation", "area and mask are empty", ids[kept][void])
    report.add("without_mask", "annotation", "mask covers no pixel of the image", ids[kept][packed.blank & ~void])

    has_mask = ~packed.lacking
    predicted &= has_mask
    if reading.predicted_masks == "ignore":
        report.add("without_mask", "annotation", "mask is a prediction, not a person's", ids[kept][predicted])
        has_mask &= ~predicted
    else:
        report.add("noted", "annotation", "mask is a prediction, not a person's", ids[kept][predicted])

    survivors = np.flatnonzero(~void)
    order = survivors[np.argsort(image[kept][survivors], kind="stable")]
    rows = kept[order]
    table = packed.table.take(order, has_mask[order])
    return {
        "offsets": offsets_of(np.bincount(image[rows], minlength=len(heights))),
        "rows": rows,
        "ann_ids": ids[rows],
        "boxes": boxes[rows].astype(np.float32),
        "labels": sieve.label[rows],
        "areas": _positive_areas(area[order], boxes[rows], table, size[rows], ids[rows], report),
        "crowd": crowd[rows],
        "predicted": predicted[order],
        "segmentations": table,
    }


def _flags(values: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """bool [N] and ok bool [N] of a column of 0, 1, true, false or nothing."""
    try:
        if set(values) <= {0, 1, None}:
            return np.fromiter(map(bool, values), dtype=bool, count=len(values)), np.ones(len(values), dtype=bool)
    except TypeError:  # lists and objects have no hash
        pass
    ok = [value is None or (isinstance(value, (int, float)) and value in (0, 1)) for value in values]
    return np.array([fine and bool(value) for fine, value in zip(ok, values, strict=True)]), np.array(ok)


def _clean_boxes(xywh: np.ndarray, size: np.ndarray, sieve: References) -> np.ndarray:
    """Drop useless boxes, clip the others: xywh [N, 4] and image sizes (W, H) [N, 2] → xyxy float64 [N, 4]."""
    sieve.drop(~np.isfinite(xywh).all(axis=1), "bbox is not four finite numbers")
    xywh = np.where(np.isfinite(xywh), xywh, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        sieve.drop((xywh[:, 2:] < MIN_BOX_SIDE).any(axis=1), "box with a side below 1 px")
        reach = REACH * size.max(axis=1, initial=0)
        sieve.drop(~(np.abs(boxes).max(axis=1, initial=0) <= reach), f"box coordinate over {REACH} image sides")
    limit = np.concatenate([size, size], axis=1)
    clipped = np.clip(boxes, 0, limit)
    sieve.drop((clipped[:, 2:] - clipped[:, :2] < MIN_BOX_SIDE).any(axis=1), "box outside its image, or all but 1 px")
    sieve.repaired(np.abs(clipped - boxes).max(axis=1, initial=0) > 1, "box clipped to its image by more than 1 px")
    return clipped


def _positive_areas(
    area: np.ndarray, boxes: np.ndarray, table: SegmentationTable, size: np.ndarray, ids: np.ndarray, report: Report
) -> np.ndarray:
    """The file's areas [A]; where they are no positive number, the mask's or else the box's."""
    wrong = ~(np.isfinite(area) & (area > 0))
    report.add("repaired", "annotation", "area missing or not positive: measured on the mask or box", ids[wrong])
    area = area.copy()
    for row in np.flatnonzero(wrong):
        width, height = size[row].tolist()
        segmentation = table.get(row, height, width)
        if segmentation is not None:
            area[row] = rasterise(segmentation, height, width).sum(dtype=np.int64)
        else:
            area[row] = (boxes[row, 2:] - boxes[row, :2]).prod()
    return area
