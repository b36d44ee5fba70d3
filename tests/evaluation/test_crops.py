"""Masks drawn as far as they reach, beside pycocotools' whole pictures."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.evaluation.crops import draw_together, read_spans
from contrastmask.evaluation.given_boxes import given_box_scores
from tests.evaluation.tiny_detections import SPLIT, perfect


def noise(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    masks = np.zeros((2, 31, 47), dtype=np.uint8)
    for mask in masks[: rng.integers(0, 3)]:
        y, x, h, w = rng.integers(0, 20, 4)
        mask[y : y + h, x : x + w] = rng.random(mask[y : y + h, x : x + w].shape) < rng.choice([0.1, 0.9, 1.0])
    return list(masks)


@pytest.mark.parametrize("seed", range(12))
def test_crops_hold_every_pixel(seed: int) -> None:
    masks = noise(seed)
    spans = read_spans([coco_mask.encode(np.asfortranarray(mask)) for mask in masks])
    drawn = draw_together(*spans, 31)
    either = masks[0] | masks[1]
    rows, columns = np.flatnonzero(either.any(1)), np.flatnonzero(either.any(0))
    for mask, found in zip(masks, drawn, strict=True):
        whole = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else np.zeros((0, 0))
        np.testing.assert_array_equal(found, whole.astype(bool))


def test_runs_that_touch_and_runs_of_nothing() -> None:
    """3 zeros, 2 ones, no zero, 4 ones, no ones, the rest zeros."""
    (spans,) = read_spans([{"size": [5, 4], "counts": coco_mask.frPyObjects(
        {"size": [5, 4], "counts": [3, 2, 0, 4, 11]}, 5, 4)["counts"]}])  # fmt: skip
    drawn, _ = draw_together(spans, spans, 5)
    assert drawn.sum() == 6


@pytest.mark.parametrize("counts", ["", "0", "é", "a" * 9, "31"])
def test_malformed_runs_are_none(counts: str) -> None:
    assert read_spans([{"size": [9, 9], "counts": counts}]) == [None]


def test_given_boxes_with_a_mask_that_is_none(records: Records) -> None:
    predictions = perfect(records)
    predictions[0]["rles"] = [{**rle, "counts": "0"} for rle in predictions[0]["rles"]]
    with pytest.raises(DataError, match="no mask of this image"):
        given_box_scores(records, predictions, SPLIT)
