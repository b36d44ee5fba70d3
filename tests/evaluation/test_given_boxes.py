"""Masks drawn into ground-truth boxes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.evaluation.boundary import boundary_iou, boundary_width
from contrastmask.evaluation.coco_match import box_rle, truth_rle
from contrastmask.evaluation.given_boxes import given_box_scores
from tests.evaluation.tiny_detections import SPLIT, perfect, prediction, rows_of


def given_boxes(records: Records, draw: Any) -> list[dict[str, Any]]:
    predictions = perfect(records)
    for row, found in enumerate(predictions):
        chosen = [a for a in rows_of(records, row) if not records.crowd[a]]
        found["rles"] = [draw(row, a) for a in chosen]
    return predictions


def test_true_masks_in_given_boxes(records: Records) -> None:
    found = given_box_scores(records, given_boxes(records, lambda row, a: truth_rle(records, row, a)), SPLIT)
    for group in ("novel", "base", "all"):
        assert (found[group]["IoU"], found[group]["AP"]) == (100.0, pytest.approx(100.0))
        assert found[group]["boundary_IoU"] == 100.0
        assert 40 < found[group]["filled_box_IoU"] < 90
    assert found["all"]["objects"] == int((~records.crowd).sum())
    assert found["novel"]["objects"] + found["base"]["objects"] == found["all"]["objects"]
    assert found["per_class"]["kite"]["group"] == "novel"
    assert found["per_class"]["kite"]["objects"] == int((records.labels == 4).sum())
    assert found["images"] == {"evaluated": 12, "of": 12}
    json.dumps(found, allow_nan=False)


def test_filled_boxes_score_what_is_said_of_them(records: Records) -> None:
    def fill(row: int, a: int) -> dict[str, Any]:
        return box_rle(records.boxes[a], int(records.heights[row]), int(records.widths[row]))

    found = given_box_scores(records, given_boxes(records, fill), SPLIT)
    ious, boundaries = [], []
    for row in range(12):
        for a in rows_of(records, row):
            if not records.crowd[a] and records.labels[a] in SPLIT.novel:
                box, mask = coco_mask.decode(fill(row, a)).astype(bool), records.mask(a).astype(bool)
                ious.append(100 * (box & mask).sum() / (box | mask).sum())
                boundaries.append(100 * boundary_iou(box, mask, boundary_width(*mask.shape)))
    assert found["novel"]["boundary_IoU"] == pytest.approx(np.mean(boundaries))
    assert found["novel"]["IoU"] == found["novel"]["filled_box_IoU"] == pytest.approx(np.mean(ious))


def test_crowds_and_objects_without_mask_are_not_judged_in_given_boxes(records: Records) -> None:
    hidden = records.withhold([4])
    crowd = int(np.flatnonzero(records.crowd)[0])
    predictions = perfect(records)
    target = predictions[records.image_of(crowd)]
    wrong = prediction(records, records.image_of(crowd), [np.eye(*records.mask(crowd).shape)], [0], [0.9])
    for key in ("boxes", "scores", "labels"):
        target[key] = np.concatenate([target[key], wrong[key]])
    target["rles"] += wrong["rles"]
    target["ann_ids"] = np.append(target["ann_ids"], records.ann_ids[crowd])
    found = given_box_scores(hidden, predictions, SPLIT)
    assert found["per_class"]["person"]["IoU"] == 100.0
    assert found["per_class"]["person"]["objects"] == int(((records.labels == 0) & ~records.crowd).sum())
    assert (found["per_class"]["kite"]["objects"], found["per_class"]["kite"]["IoU"]) == (0, None)


def test_given_boxes_without_objects(records: Records) -> None:
    found = given_box_scores(records, [], SPLIT)
    none = ("IoU", "filled_box_IoU", "boundary_IoU", "AP", "AP50", "IoUs", "IoUm", "IoUl", "calibration_error")
    nothing = dict.fromkeys((*none, "rank_correlation"))
    assert found["all"] == {**nothing, "objects": 0, "reliability": []}


def test_given_boxes_of_wrong_annotations(records: Records) -> None:
    predictions = perfect(records)
    predictions[0]["ann_ids"] = predictions[0]["ann_ids"] + 100_000
    with pytest.raises(DataError, match="annotation 101"):
        given_box_scores(records, predictions, SPLIT)
