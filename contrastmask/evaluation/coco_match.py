"""One COCO matching of all classes, by faster-coco-eval or pycocotools.

K classes; boxes xyxy in image pixels, as in :class:`~contrastmask.data.records.Records`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import faster_coco_eval
import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from contrastmask.data.records import Records

KINDS = {"box": "bbox", "mask": "segm"}
BACKENDS = {"faster": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster), "pycocotools": (COCO, COCOeval)}
Prediction = dict[str, Any]


def match(
    records: Records, rows: list[int], by_image: dict[int, Prediction], kind: str, backend: str
) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate some images.

    Args:
        records: the ground truth.
        rows: the images, by position in ``records``.
        by_image: checked predictions by image id, arrays in numpy; an image may lack.
        kind: of :data:`KINDS`; backend: of :data:`BACKENDS`.

    Returns:
        precision ``[10, 101, K, 4]`` and recall ``[10, K, 4]`` over IoU thresholds, recalls, classes and area ranges
        (all, small, medium, large), in 0..1, -1 where there is no object.
    """
    if not rows:
        count = len(records.categories)
        return np.full((10, 101, count, 4), -1.0), np.full((10, count, 4), -1.0)
    coco, evaluator = BACKENDS[backend]
    sizes = zip(
        *(column[rows].tolist() for column in (records.image_ids, records.heights, records.widths)), strict=True
    )
    images = [{"id": image_id, "height": height, "width": width} for image_id, height, width in sizes]
    # labels are moved by one: neither package is safe with an id of 0
    categories = [{"id": label + 1} for label in range(len(records.categories))]
    sets = []
    with contextlib.redirect_stdout(io.StringIO()):
        for annotations in (_truth(records, rows, kind), _detections(records, rows, by_image, kind)):
            index = coco()
            index.dataset = {"images": images, "annotations": annotations, "categories": categories}
            index.createIndex()
            sets.append(index)
        scorer = evaluator(*sets, KINDS[kind])
        scorer.params.maxDets = [100]
        scorer.evaluate()
        scorer.accumulate()
    return scorer.eval["precision"][..., 0], scorer.eval["recall"][..., 0]


def _truth(records: Records, rows: list[int], kind: str) -> list[dict[str, Any]]:
    annotations = []
    for row in rows:
        image_id, height, width = (int(a[row]) for a in (records.image_ids, records.heights, records.widths))
        for a in range(int(records.offsets[row]), int(records.offsets[row + 1])):
            left, top, right, bottom = records.boxes[a].tolist()
            item = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": int(records.labels[a]) + 1,
                "bbox": [left, top, right - left, bottom - top],
                "area": float(records.areas[a]),
                "iscrowd": int(records.crowd[a]),
            }
            if kind == "mask":
                if records.has_mask[a]:
                    item["segmentation"] = truth_rle(records, row, a)
                else:
                    item |= {"segmentation": box_rle(records.boxes[a], height, width), "iscrowd": 1}
            annotations.append(item)
    return annotations


def _detections(records: Records, rows: list[int], by_image: dict[int, Prediction], kind: str) -> list[dict[str, Any]]:
    detections: list[dict[str, Any]] = []
    for image_id in records.image_ids[rows].tolist():
        prediction = by_image.get(image_id)
        if prediction is None or len(prediction["scores"]) == 0:
            continue
        if kind == "mask":
            # without a box: its area would decide what is small, medium or large
            shapes = [{"segmentation": rle} for rle in prediction["rles"]]
            areas = coco_mask.area(prediction["rles"]).astype(float).tolist()
        else:
            sides = prediction["boxes"].astype(np.float64)
            sides[:, 2:] -= sides[:, :2]
            shapes = [{"bbox": side} for side in sides.tolist()]
            areas = (sides[:, 2] * sides[:, 3]).tolist()
        labels, scores = (prediction["labels"] + 1).tolist(), prediction["scores"].tolist()
        for shape, area, label, score in zip(shapes, areas, labels, scores, strict=True):
            shape |= {"id": len(detections) + 1, "image_id": image_id, "category_id": label, "score": score}
            shape |= {"area": area, "iscrowd": 0}
            detections.append(shape)
    return detections


def truth_rle(records: Records, row: int, annotation: int) -> dict[str, Any]:
    """Compressed run lengths of an annotation's mask, at the size of its image (``row``)."""
    segmentation = records.segmentation(annotation)
    height, width = int(records.heights[row]), int(records.widths[row])
    if isinstance(segmentation, list):
        return coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    return segmentation


def box_rle(box: Sequence[float], height: int, width: int) -> dict[str, Any]:
    """Run lengths of a filled box (xyxy, image pixels), clipped to the image."""
    corners = np.clip(np.asarray(box, dtype=np.float64), 0, [width, height, width, height])
    corners[2:] -= corners[:2]
    return coco_mask.frPyObjects(corners[None], height, width)[0]
