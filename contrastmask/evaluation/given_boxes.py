"""Masks drawn into ground-truth boxes of known class: the mask branch alone, without a detection step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.data.splits import Split
from contrastmask.errors import DataError
from contrastmask.evaluation.boundary import boundary_iou, boundary_width
from contrastmask.evaluation.coco_match import AREAS, box_rle, truth_rle
from contrastmask.evaluation.crops import draw_together, read_spans
from contrastmask.evaluation.detections import Prediction, as_array
from contrastmask.evaluation.records_truth import truth_of
from contrastmask.evaluation.reliability import calibration_error, rank_correlation, reliability
from contrastmask.evaluation.slices import evaluate


def given_box_scores(
    records: Records, predictions: Sequence[Prediction], split: Split, *, backend: str = "arrays"
) -> dict[str, Any]:
    """Score masks drawn into ground-truth boxes of known class: the mask branch alone.

    The boxes are those of the checked records, so the truth is theirs, too: what they do not have was not asked for.

    Args:
        records: of the evaluation. split: which labels are base and novel. backend: as in
            :func:`~contrastmask.evaluation.slices.evaluate`.
        predictions: as in ``evaluate``, with ``ann_ids [D]``, the annotation each mask is for; ``scores`` rank the
            masks for AP (the mean foreground probability).

    Returns:
        ``{"novel" | "base" | "all": figures, "per_class": {name: {"group", **figures}}, "images": …}``; the figures are
        ``IoU`` (mean over objects of predicted with true mask, percent), ``filled_box_IoU`` (the same for the object's
        box taken as its mask: what a model without any mask branch gets), ``boundary_IoU`` (mean, percent), ``objects``
        (that were judged: those with a mask, crowds aside), mask ``AP`` and ``AP50``. None where there is no object.
        Of the three groups also ``IoUs``, ``IoUm``, ``IoUl`` (of small, medium and large objects, by COCO's areas of
        32² and 96² pixels), ``calibration_error`` (percent) and ``rank_correlation`` of the scores with the IoU
        (:mod:`~contrastmask.evaluation.reliability`), and ``reliability``, the rows of its plot.

    Raises:
        DataError: as ``evaluate``, or an annotation id is unknown, of another image, or comes twice.
    """
    seen = [prediction["image_id"] for prediction in predictions]
    image_of = np.repeat(np.arange(len(records.image_ids)), np.diff(records.offsets))
    judged_by = records.has_mask & ~records.crowd
    position = {ann_id: a for a, ann_id in enumerate(records.ann_ids.tolist())}
    # annotation -> IoU of the mask, IoU of the box, boundary IoU, pixels of the truth, score
    measured: dict[int, tuple[float, ...]] = {}
    for prediction in predictions:
        ann_ids, scores = (as_array(prediction[name]).tolist() for name in ("ann_ids", "scores"))
        masks: dict[int, dict[str, Any]] = {}
        sure: dict[int, float] = {}
        for ann_id, rle, score in zip(ann_ids, prediction["rles"], scores, strict=True):
            a = position.get(ann_id, -1)
            row = int(image_of[a]) if a >= 0 else -1
            if row < 0 or int(records.image_ids[row]) != int(prediction["image_id"]) or a in measured or a in masks:
                raise DataError(f"image {prediction['image_id']}: annotation {ann_id} is unknown or comes twice")
            masks[a], sure[a] = rle, score
        found = _overlaps(records, {a: rle for a, rle in masks.items() if judged_by[a]}, prediction["image_id"])
        measured |= {a: (*row, sure[a]) for a, row in found.items()}

    # after every mask was looked at: the packages' C code trusts them
    result = evaluate(truth_of(records), predictions, split, image_ids=seen, kinds=("mask",), backend=backend)
    judged = np.fromiter(measured, dtype=np.int64, count=len(measured))
    table = np.array(list(measured.values()), dtype=np.float64).reshape(-1, 5)
    overlaps, areas, confidence = 100.0 * table[:, :3], table[:, 3], table[:, 4]

    def figures(labels: Sequence[int], scores: dict[str, float | None]) -> dict[str, float | int | None]:
        rows = np.isin(records.labels[judged], labels)
        means = overlaps[rows].mean(axis=0).tolist() if rows.any() else (None, None, None)
        found = dict(zip(("IoU", "filled_box_IoU", "boundary_IoU"), means, strict=True), objects=int(rows.sum()))
        return found | {name: scores[name] for name in ("AP", "AP50")}

    def more(labels: Sequence[int]) -> dict[str, Any]:
        rows = np.isin(records.labels[judged], labels)
        ious, said = overlaps[rows, 0], confidence[rows]
        sizes = np.searchsorted(AREAS[2:, 0], areas[rows], side="right")
        by_size = {name: ious[sizes == size] for size, name in enumerate(("IoUs", "IoUm", "IoUl"))}
        found: dict[str, Any] = {name: float(part.mean()) if len(part) else None for name, part in by_size.items()}
        error = calibration_error(said, ious / 100)
        return found | {
            "calibration_error": None if error is None else 100 * error,
            "rank_correlation": rank_correlation(said, ious),
            "reliability": reliability(said, ious / 100),
        }

    groups = {"novel": split.novel, "base": split.base, "all": range(len(records.categories))}
    scores: dict[str, Any] = {
        name: figures(list(labels), result["mask"][name]) | more(list(labels)) for name, labels in groups.items()
    }
    scores["per_class"] = {
        name: {"group": row["group"], **figures([label], row["mask"])}
        for label, (name, row) in enumerate(result["per_class"].items())
    }
    return scores | {"images": result["images"]}


def _overlaps(records: Records, masks: dict[int, dict[str, Any]], image_id: int) -> dict[int, tuple[float, ...]]:
    """IoU of each mask with the true one, IoU of the box with it, boundary IoU, 0..1; pixels of the true one.

    All are of one image.
    """
    if not masks:
        return {}
    row = records.image_of(next(iter(masks)))
    size = height, _ = int(records.heights[row]), int(records.widths[row])
    width = boundary_width(*size)
    truths = [truth_rle(records, row, a) for a in masks]
    spans = read_spans([*masks.values(), *truths])
    found = {}
    for number, (a, rle) in enumerate(masks.items()):
        mine, true = spans[number], spans[len(masks) + number]
        if mine is None or list(rle["size"]) != list(size):
            raise DataError(f"image {image_id}: the mask of annotation {records.ann_ids[a]} is no mask of this image")
        ious = coco_mask.iou([rle, box_rle(records.boxes[a], *size)], [truths[number]], [0])[:, 0].tolist()
        boundary = boundary_iou(*draw_together(mine, true, height), width)
        found[a] = (*ious, boundary, float(coco_mask.area(truths[number])))
    return found
