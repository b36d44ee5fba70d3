"""How good predicted masks of known objects are: overlap with the truth, and whether the confidence knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.evaluation.coco_match import box_rle, truth_rle
from contrastmask.evaluation.reliability import calibration_error, rank_correlation


def score_masks(truth: Records, found: Mapping[int, tuple[dict[str, Any], float]]) -> dict[str, dict[str, Any]]:
    """Compare masks with the true ones, class by class.

    Args:
        truth: records that hold the true masks; annotations without one are passed over.
        found: position in the records → (COCO run lengths, confidence).

    Returns:
        class name, and ``"all"`` → ``objects`` judged, ``IoU`` (mean, percent), ``IoU_quartiles`` (lower, median,
        upper), ``filled_box_IoU`` (the box taken as the mask), ``rank_correlation`` (Spearman's, of confidence with
        IoU; None for fewer than ten objects or a constant side), ``calibration_error`` (of the confidence as the
        expected IoU, percent).
    """
    rows, overlaps, confidences = [], [], []
    for a in np.flatnonzero(truth.has_mask & ~truth.crowd).tolist():
        mask = found.get(a)
        if mask is None:
            continue
        image = truth.image_of(a)
        filled = box_rle(truth.boxes[a], int(truth.heights[image]), int(truth.widths[image]))
        overlaps.append(coco_mask.iou([mask[0], filled], [truth_rle(truth, image, a)], [0])[:, 0])
        confidences.append(mask[1])
        rows.append(a)
    labels = truth.labels[rows]
    overlap, confidence = np.array(overlaps).reshape(-1, 2), np.array(confidences)
    result = {}
    for label, name in enumerate(truth.class_names):
        if (labels == label).any():
            result[name] = _figures(overlap[labels == label], confidence[labels == label])
    return {**result, "all": _figures(overlap, confidence)} if rows else {}


def _figures(overlap: np.ndarray, confidence: np.ndarray) -> dict[str, Any]:
    ours, filled = overlap.T
    return {
        "objects": len(ours),
        "IoU": 100 * float(ours.mean()),
        "IoU_quartiles": (100 * np.quantile(ours, [0.25, 0.5, 0.75])).tolist(),
        "filled_box_IoU": 100 * float(filled.mean()),
        "rank_correlation": rank_correlation(confidence, ours),
        "calibration_error": 100 * calibration_error(confidence, ours),
    }
