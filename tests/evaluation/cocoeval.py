"""pycocotools' own figures, from files, as anybody would take them."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

KINDS = {"box": ("bbox", "bbox"), "mask": ("segm", "segmentation")}
# where COCOeval.summarize() puts each metric
STATS = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "AR": 8, "ARs": 9, "ARm": 10, "ARl": 11}


def figures(
    truth: Path,
    detections: Sequence[dict[str, Any]],
    kind: str,
    *,
    categories: Sequence[Any] | None = None,
    images: Sequence[Any] | None = None,
) -> dict[str, float | None]:
    """COCOeval's ten figures in percent, None where it has nothing to judge; raises what it raises.

    Args:
        truth: the annotation file. detections: entries of a results file; for kind ``mask`` without their boxes, whose
            areas it would take. categories, images: ids to which everything is limited.
    """
    coco_kind, key = KINDS[kind]
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(truth))
        if detections:
            about = ("image_id", "category_id", "score", key)
            found = gt.loadRes([{k: copy.deepcopy(entry[k]) for k in about} for entry in detections])
        else:  # of which loadRes makes an IndexError
            found = COCO()
            found.dataset = {**gt.dataset, "annotations": []}
            found.createIndex()
        scorer = COCOeval(gt, found, coco_kind)
        if categories is not None:
            scorer.params.catIds = list(categories)
        if images is not None:
            scorer.params.imgIds = list(images)
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return {name: None if scorer.stats[i] < 0 else 100 * float(scorer.stats[i]) for name, i in STATS.items()}


def same(found: dict[str, float | None], expected: dict[str, float | None]) -> bool:
    """Whether figures are equal to 1e-9, None for None."""
    return found.keys() >= expected.keys() and all(
        (found[name] is None) == (value is None) and (value is None or abs(found[name] - value) <= 1e-9)
        for name, value in expected.items()
    )
