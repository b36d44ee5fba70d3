"""COCO average precision for base, novel and all classes and for each class, from one evaluation per kind.

A COCO evaluation treats every class by itself and averages at the end, so that the AP of a set of classes is the mean
over its part of the precision array: one matching serves base, novel, all and every class.

K classes, I images, D detections of an image; boxes xyxy in image pixels; labels 0..K-1; all figures in percent.

Rules (COCO's where not said otherwise): at most 100 detections per image and class; crowd objects are regions in which
detections are ignored; areas are those of the annotation file for objects, of the mask (kind ``mask``) or the box (kind
``box``) for detections. An object *without a mask* cannot be judged in kind ``mask``: its box becomes an ignored region
there, as a crowd's. A class without objects to judge has no AP (None) and no part in any mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.data.splits import Split
from contrastmask.errors import DataError
from contrastmask.evaluation.boundary import boundary_iou, boundary_width
from contrastmask.evaluation.coco_match import BACKENDS, KINDS, Prediction, box_rle, match, truth_rle

# metric -> (precision rather than recall, index of the IoU threshold or all ten, index of the area range)
METRICS: dict[str, tuple[bool, int | None, int]] = {
    "AP": (True, None, 0),
    "AP50": (True, 0, 0),
    "AP75": (True, 5, 0),
    "APs": (True, None, 1),
    "APm": (True, None, 2),
    "APl": (True, None, 3),
    "AR": (False, None, 0),
    "ARs": (False, None, 1),
    "ARm": (False, None, 2),
    "ARl": (False, None, 3),
}
CLASS_METRICS = ("AP", "AP50", "AR")


def evaluate(
    records: Records,
    predictions: Sequence[Prediction],
    split: Split,
    *,
    image_ids: Iterable[int] | None = None,
    kinds: Sequence[str] = ("box", "mask"),
    backend: str = "faster",
) -> dict[str, Any]:
    """Score detections against all ground truth that ``records`` hold.

    Args:
        records: with the masks of *all* classes that shall be judged, novel ones included (not a training set's).
        predictions: one dict per image: ``image_id`` int, ``boxes [D, 4]``, ``scores [D]``, ``labels [D]`` (arrays or
            tensors), ``rles`` list of D run lengths (kind ``mask`` only). An image without detections has empty ones.
        split: which labels are base and novel.
        image_ids: the images seen, to which everything is limited; None takes those of ``predictions``.
        kinds: ``"box"``, ``"mask"``.
        backend: ``"faster"`` (faster-coco-eval) or ``"pycocotools"``; the same figures.

    Returns:
        ``{kind: {"novel" | "base" | "all": {metric: percent or None}}, "per_class": {name: {"group", "images",
        "objects", kind: {"AP", "AP50", "AR"}}}, "images": {"evaluated", "of"}}``. None: nothing to judge; 0.0: objects,
        but nothing found.

    Raises:
        DataError: an image is predicted twice or unknown, or a prediction's arrays do not fit together.
        ValueError: an unknown kind or backend.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"kinds are {list(KINDS)}, not {sorted(unknown)}")
    if backend not in BACKENDS:
        raise ValueError(f"backends are {list(BACKENDS)}, not {backend!r}")
    by_image = _checked(records, predictions, need_rles="mask" in kinds)
    wanted = set(by_image) if image_ids is None else {int(i) for i in image_ids}
    rows = [row for row, image_id in enumerate(records.image_ids.tolist()) if image_id in wanted]
    if len(rows) != len(wanted):
        lacking = sorted(wanted - set(records.image_ids.tolist()))
        raise DataError(f"{records.path} has no images {lacking[:5]} ({len(lacking)} in all), asked for in image_ids")

    count = len(records.categories)
    groups = {"novel": list(split.novel), "base": list(split.base), "all": list(range(count))}
    result: dict[str, Any] = {}
    per_class = _class_rows(records, split, rows)
    for kind in kinds:
        precision, recall = match(records, rows, by_image, kind, backend)
        result[kind] = {name: _summary(precision, recall, labels, METRICS) for name, labels in groups.items()}
        for label, category in enumerate(records.categories):
            per_class[category.name][kind] = _summary(precision, recall, [label], CLASS_METRICS)
    result["per_class"] = per_class
    result["images"] = {"evaluated": len(rows), "of": len(records.image_ids)}
    return result


def given_box_scores(
    records: Records, predictions: Sequence[Prediction], split: Split, *, backend: str = "faster"
) -> dict[str, Any]:
    """Score masks drawn into ground-truth boxes of known class: the mask branch alone.

    Args:
        records, split, backend: as in :func:`evaluate`.
        predictions: as in :func:`evaluate`, with ``ann_ids [D]``, the annotation each mask is for; ``scores`` rank the
            masks for AP (the mean foreground probability).

    Returns:
        ``{"novel" | "base" | "all": figures, "per_class": {name: {"group", **figures}}, "images": …}``; the figures are
        ``IoU`` (mean over objects of predicted with true mask, percent), ``filled_box_IoU`` (the same for the object's
        box taken as its mask: what a model without any mask branch gets), ``boundary_IoU`` (mean, percent), ``objects``
        (that were judged: those with a mask, crowds aside), mask ``AP`` and ``AP50``. None where there is no object.

    Raises:
        DataError: as :func:`evaluate`, or an annotation id is unknown, of another image, or comes twice.
    """
    result = evaluate(records, predictions, split, kinds=("mask",), backend=backend)
    image_of = np.repeat(np.arange(len(records.image_ids)), np.diff(records.offsets))
    position = {ann_id: a for a, ann_id in enumerate(records.ann_ids.tolist())}
    measured: dict[int, tuple[float, ...]] = {}  # annotation -> IoU of the mask, IoU of the box, boundary IoU
    for prediction in predictions:
        for ann_id, rle in zip(_array(prediction["ann_ids"]).tolist(), prediction["rles"], strict=True):
            a = position.get(ann_id, -1)
            row = int(image_of[a]) if a >= 0 else -1
            if row < 0 or int(records.image_ids[row]) != int(prediction["image_id"]) or a in measured:
                raise DataError(f"image {prediction['image_id']}: annotation {ann_id} is unknown or comes twice")
            if records.has_mask[a] and not records.crowd[a]:
                size = int(records.heights[row]), int(records.widths[row])
                truth = truth_rle(records, row, a)
                ious = coco_mask.iou([rle, box_rle(records.boxes[a], *size)], [truth], [0])[:, 0].tolist()
                masks = coco_mask.decode([rle, truth]).astype(bool)
                measured[a] = (*ious, boundary_iou(masks[..., 0], masks[..., 1], boundary_width(*size)))

    judged = np.fromiter(measured, dtype=np.int64, count=len(measured))
    overlaps = 100.0 * np.array(list(measured.values()), dtype=np.float64).reshape(-1, 3)

    def figures(labels: Sequence[int], scores: dict[str, float | None]) -> dict[str, float | int | None]:
        rows = np.isin(records.labels[judged], labels)
        means = overlaps[rows].mean(axis=0).tolist() if rows.any() else (None, None, None)
        found = dict(zip(("IoU", "filled_box_IoU", "boundary_IoU"), means, strict=True), objects=int(rows.sum()))
        return found | {name: scores[name] for name in ("AP", "AP50")}

    groups = {"novel": split.novel, "base": split.base, "all": range(len(records.categories))}
    scores: dict[str, Any] = {name: figures(list(labels), result["mask"][name]) for name, labels in groups.items()}
    scores["per_class"] = {
        name: {"group": row["group"], **figures([label], row["mask"])}
        for label, (name, row) in enumerate(result["per_class"].items())
    }
    return scores | {"images": result["images"]}


def to_coco_results(predictions: Iterable[Prediction], records: Records) -> list[dict[str, Any]]:
    """Detections as in COCO's results files: category ids of ``records``, ``bbox`` xywh in original image pixels."""
    ids = [category.id for category in records.categories]
    results = []
    for prediction in predictions:
        sides = _array(prediction["boxes"]).reshape(-1, 4).astype(np.float64)
        sides[:, 2:] -= sides[:, :2]
        columns = (sides, _array(prediction["labels"]), _array(prediction["scores"]))
        for box, label, score, rle in zip(*(c.tolist() for c in columns), prediction["rles"], strict=True):
            image_id = int(prediction["image_id"])
            item = {"image_id": image_id, "category_id": ids[label], "bbox": box, "score": score, "segmentation": rle}
            results.append(item)
    return results


def _checked(records: Records, predictions: Sequence[Prediction], *, need_rles: bool = True) -> dict[int, Prediction]:
    """Predictions by image id, arrays on the host."""
    known = set(records.image_ids.tolist())
    found: dict[int, Prediction] = {}
    for prediction in predictions:
        image_id = int(prediction["image_id"])
        if image_id in found:
            raise DataError(f"image {image_id} is predicted twice; merge processes with gather_predictions()")
        if image_id not in known:
            raise DataError(f"predictions for image {image_id}, which {records.path} does not have")
        boxes, scores, labels = (_array(prediction[key]) for key in ("boxes", "scores", "labels"))
        boxes = boxes.reshape(-1, 4)
        if not len(boxes) == len(scores) == len(labels) or (need_rles and len(prediction["rles"]) != len(boxes)):
            raise DataError(f"image {image_id}: boxes, scores, labels and rles of a prediction differ in length")
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise DataError(f"image {image_id}: a predicted box or score is not finite")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(records.categories):
            raise DataError(f"image {image_id}: predicted labels must be in 0..{len(records.categories) - 1}")
        found[image_id] = {**prediction, "boxes": boxes, "scores": scores, "labels": labels}
    return found


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def _summary(
    precision: np.ndarray, recall: np.ndarray, labels: list[int], metrics: Iterable[str]
) -> dict[str, float | None]:
    """Means over ``labels``, as COCO takes them: over all thresholds, recalls and classes with objects at once."""
    figures: dict[str, float | None] = {}
    for name in metrics:
        is_precision, threshold, area = METRICS[name]
        values = (precision if is_precision else recall)[..., labels, area]
        values = values if threshold is None else values[threshold]
        values = values[values > -1]
        figures[name] = 100.0 * float(values.mean()) if values.size else None
    return figures


def _class_rows(records: Records, split: Split, rows: list[int]) -> dict[str, dict[str, Any]]:
    """Per class its group and how many objects (crowds aside) in how many of the images seen."""
    images = np.zeros(len(records.categories), dtype=np.int64)
    objects = np.zeros_like(images)
    for row in rows:
        part = slice(int(records.offsets[row]), int(records.offsets[row + 1]))
        counts = np.bincount(records.labels[part][~records.crowd[part]], minlength=len(images))
        objects += counts
        images += counts > 0
    novel = set(split.novel)
    return {
        category.name: {
            "group": "novel" if label in novel else "base",
            "images": int(images[label]),
            "objects": int(objects[label]),
        }
        for label, category in enumerate(records.categories)
    }
