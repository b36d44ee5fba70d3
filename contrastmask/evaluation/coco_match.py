"""One COCO matching of all classes, by faster-coco-eval or pycocotools."""

from __future__ import annotations

import contextlib
import io
import warnings
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
MAX_DETECTIONS = 100  # of an image and class, the best ones: COCO's


def match(
    truth: list[dict[str, Any]], detections: list[dict[str, Any]], images: int, classes: int, kind: str, backend: str
) -> tuple[np.ndarray, np.ndarray]:
    """Match detections with objects.

    Args:
        truth: annotations of images 1..I and categories 1..K, in COCO's order: ``bbox`` or, as run lengths,
            ``segmentation``; ``area``, ``iscrowd``, ``id`` (unlike another's, and 0 only where COCOeval shall take what
            finds it for an error).
        detections: the same with ``score``, ids from 1 on.
        images, classes: I and K. kind: of :data:`KINDS`; backend: of :data:`BACKENDS`.

    Returns:
        precision ``[10, 101, K, 4]`` and recall ``[10, K, 4]`` over IoU thresholds, recalls, classes and area ranges
        (all, small, medium, large), in 0..1, -1 where there is no object.
    """
    if not images or not classes:
        return np.full((10, 101, classes, 4), -1.0), np.full((10, classes, 4), -1.0)
    coco, evaluator = BACKENDS[backend]
    # both packages ask for sizes, which run lengths do not need
    content = {
        "images": [{"id": number, "height": 1, "width": 1} for number in range(1, images + 1)],
        "categories": [{"id": number} for number in range(1, classes + 1)],
    }
    sets = []
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found annotation id 0")  # that is on purpose
        for annotations in (truth, detections):
            index = coco()
            index.dataset = {**content, "annotations": annotations}
            index.createIndex()
            sets.append(index)
        scorer = evaluator(*sets, KINDS[kind])
        scorer.params.maxDets = [MAX_DETECTIONS]
        scorer.evaluate()
        scorer.accumulate()
    return scorer.eval["precision"][..., 0], scorer.eval["recall"][..., 0]


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
