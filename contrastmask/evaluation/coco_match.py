"""One COCO matching of all classes: in arrays, or by faster-coco-eval or pycocotools, with the same figures."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.evaluation.counting import count
from contrastmask.evaluation.instances import Instances
from contrastmask.evaluation.matching import match_greedily
from contrastmask.evaluation.pairs import Edges, Ranked, edges, rank

KINDS = {"box": "bbox", "mask": "segm"}
BACKENDS = ("arrays", "faster", "pycocotools")
MAX_DETECTIONS = 100  # of an image and class, the best ones: COCO's
THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of IoU
AREAS = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])  # px²: all, small, medium, large


def match(
    objects: Instances, detections: Instances, images: int, classes: int, kind: str, backend: str = "arrays"
) -> tuple[np.ndarray, np.ndarray]:
    """Match detections with objects.

    Args:
        images, classes: I and K, of which the instances' images and places are positions. kind: of :data:`KINDS`.
        backend: of :data:`BACKENDS`.

    Returns:
        precision ``[10, 101, K, 4]`` and recall ``[10, K, 4]`` over IoU thresholds, recalls, classes and area ranges
        (all, small, medium, large), in 0..1, -1 where there is no object.
    """
    if not images or not classes:
        return np.full((10, 101, classes, 4), -1.0), np.full((10, classes, 4), -1.0)
    if backend == "arrays":
        ranked = rank(detections, classes, MAX_DETECTIONS)
        found = edges(objects, detections, ranked, THRESHOLDS[0])
        if not np.isnan(found.iou).any():
            return _in_arrays(objects, detections, ranked, found, classes)
        backend = "pycocotools"  # what its loop makes of a box that is no number follows no order
    return _by_package(objects, detections, images, classes, kind, backend)


def _in_arrays(
    objects: Instances, detections: Instances, ranked: Ranked, found: Edges, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    thresholds = np.tile(THRESHOLDS, len(AREAS))
    ignored = _per_setting(_outside(objects.areas) | objects.crowd[:, None])
    matches = match_greedily(found, ignored, objects.crowd, objects.zero_id, thresholds)
    to_find = np.zeros((classes, len(thresholds)), dtype=np.int64)
    np.add.at(to_find, objects.places, ~ignored)
    outside = _outside(detections.areas[ranked.rows])
    precision, recall = count(ranked, matches, _per_setting(outside), to_find)
    # settings are areas times thresholds: to thresholds, (recalls,) classes, areas
    precision = precision.reshape(classes, len(AREAS), len(THRESHOLDS), -1).transpose(2, 3, 0, 1)
    return precision, recall.reshape(classes, len(AREAS), len(THRESHOLDS)).transpose(2, 0, 1)


def _outside(areas: np.ndarray) -> np.ndarray:
    """bool ``[N, 4]``: the area is in the range neither; an area that is no number is in every one."""
    return (areas[:, None] < AREAS[:, 0]) | (areas[:, None] > AREAS[:, 1])


def _per_setting(by_area: np.ndarray) -> np.ndarray:
    return np.repeat(by_area, len(THRESHOLDS), axis=1)


def _by_package(
    objects: Instances, detections: Instances, images: int, classes: int, kind: str, backend: str
) -> tuple[np.ndarray, np.ndarray]:
    coco, evaluator = _classes_of(backend)
    # both packages ask for sizes, which run lengths do not need
    content = {
        "images": [{"id": number, "height": 1, "width": 1} for number in range(1, images + 1)],
        "categories": [{"id": number} for number in range(1, classes + 1)],
    }
    sets = []
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found annotation id 0")  # that is on purpose
        for instances in (objects, detections):
            index = coco()
            index.dataset = {**content, "annotations": _annotations(instances, kind)}
            index.createIndex()
            sets.append(index)
        scorer = evaluator(*sets, KINDS[kind])
        scorer.params.maxDets = [MAX_DETECTIONS]
        scorer.evaluate()
        scorer.accumulate()
    return scorer.eval["precision"][..., 0], scorer.eval["recall"][..., 0]


def _classes_of(backend: str) -> tuple[type, type]:
    """Data set and evaluator of a package, which is imported where it is used alone."""
    if backend == "faster":
        from faster_coco_eval import COCO, COCOeval_faster

        return COCO, COCOeval_faster
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return COCO, COCOeval


def _annotations(instances: Instances, kind: str) -> list[dict[str, Any]]:
    shapes = instances.shapes if kind == "mask" else instances.shapes.tolist()
    key = "segmentation" if kind == "mask" else "bbox"
    columns = (
        instances.images,
        instances.places,
        instances.areas,
        instances.crowd,
        instances.zero_id,
        instances.scores,
    )
    rows = zip(shapes, *(column.tolist() for column in columns), strict=True)
    return [
        # COCOeval marks what is matched by the object's id, so that one of id 0 never is
        {"id": 0 if zero_id else number, "image_id": image + 1, "category_id": place + 1, "area": area,
         "iscrowd": int(crowd), "score": score, key: shape}
        for number, (shape, image, place, area, crowd, zero_id, score) in enumerate(rows, 1)
    ]  # fmt: skip


def truth_rle(records: Records, row: int, annotation: int) -> dict[str, Any]:
    """Compressed run lengths of an annotation's mask, at the size of its image (``row``)."""
    segmentation = records.segmentation(annotation)
    height, width = int(records.heights[row]), int(records.widths[row])
    if isinstance(segmentation, list):
        parts = coco_mask.frPyObjects(segmentation, height, width)
        return parts[0] if len(parts) == 1 else coco_mask.merge(parts)
    return segmentation


def box_rle(box: Sequence[float], height: int, width: int) -> dict[str, Any]:
    """Run lengths of a filled box (xyxy, image pixels), clipped to the image."""
    corners = np.clip(np.asarray(box, dtype=np.float64), 0, [width, height, width, height])
    corners[2:] -= corners[:2]
    return coco_mask.frPyObjects(corners[None], height, width)[0]
