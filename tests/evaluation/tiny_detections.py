"""Records of a tiny set and detections of them, for the tests of the evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Records
from contrastmask.data.splits import Split

NAMES = ("person", "stop sign", "cat", "dog", "kite")
SPLIT = Split(name="voc_nonvoc", class_names=NAMES, base=(0, 2, 3), novel=(1, 4))


def rows_of(records: Records, row: int) -> range:
    return range(int(records.offsets[row]), int(records.offsets[row + 1]))


def prediction(records: Records, row: int, bitmaps: list, labels: list, scores: list, **more: Any) -> dict[str, Any]:
    size = [int(records.heights[row]), int(records.widths[row])]
    rles = [coco_mask.encode(np.asfortranarray(bitmap, dtype=np.uint8)) for bitmap in bitmaps]
    boxes = np.array([coco_mask.toBbox(rle) for rle in rles], dtype=np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return {
        "image_id": int(records.image_ids[row]),
        "boxes": boxes,
        "scores": np.array(scores, dtype=np.float32),
        "labels": np.array(labels, dtype=np.int64),
        "rles": [{"size": size, "counts": rle["counts"].decode()} for rle in rles],
        **more,
    }


def shaken(records: Records, seed: int = 0) -> list[dict[str, Any]]:
    """Objects moved a little, some missed, some of a wrong class, and rectangles that are nothing."""
    random, predictions = np.random.default_rng(seed), []
    for row, (height, width) in enumerate(zip(records.heights, records.widths, strict=True)):
        bitmaps, labels, scores = [], [], []
        for a in rows_of(records, row):
            for _ in range(2):
                if random.random() < 0.7:
                    bitmaps.append(np.roll(records.mask(a), random.integers(-4, 5, 2), (0, 1)))
                    labels.append(records.labels[a] if random.random() < 0.8 else random.integers(5))
                    scores.append(random.choice([0.5, 0.6, 0.7, 0.8, 0.9]))  # ties on purpose
        for _ in range(3):
            y, x = random.integers(height - 20), random.integers(width - 20)
            bitmaps.append(np.zeros((height, width)))
            bitmaps[-1][y : y + random.integers(5, 60), x : x + 20] = 1
            labels.append(random.integers(5))
            scores.append(random.choice([0.1, 0.3, 0.6]))
        predictions.append(prediction(records, row, bitmaps, labels, scores))
    return predictions


def perfect(records: Records, **more: Any) -> list[dict[str, Any]]:
    predictions = []
    for row in range(len(records.image_ids)):
        chosen = [a for a in rows_of(records, row) if not records.crowd[a]]
        masks, labels = [records.mask(a) for a in chosen], records.labels[chosen]
        predictions.append(
            prediction(records, row, masks, labels, [0.9] * len(chosen), ann_ids=records.ann_ids[chosen])
        )
    return predictions
