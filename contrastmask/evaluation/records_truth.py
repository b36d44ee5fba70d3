"""Checked records as a truth: for what is judged by what the model was given, not by the file as it lies there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrastmask.data.records import Records
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_masks import Drawing, Runs


class _Drawings(Sequence[Drawing]):
    def __init__(self, records: Records) -> None:
        self.records = records

    def __len__(self) -> int:
        return len(self.records.ann_ids)

    def __getitem__(self, row: int) -> Drawing:
        if not self.records.has_mask[row]:
            return None
        found = self.records.segmentation(row)
        if isinstance(found, list):
            return [np.array(polygon, dtype=np.float64) for polygon in found]
        return Runs(tuple(found["size"]), found["counts"].encode("ascii"))


def truth_of(records: Records) -> Truth:
    """The records' objects as they were read: boxes clipped, odd rows gone, places as labels."""
    count = len(records.ann_ids)
    images = np.argsort(np.argsort(records.image_ids, kind="stable"), kind="stable")  # position by id
    of_row = images[np.repeat(np.arange(len(records.image_ids)), np.diff(records.offsets))]
    order = np.argsort(records.image_ids, kind="stable")
    boxes = records.boxes.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    yes, no = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    return Truth(
        path=records.path,
        sha256="",
        categories=records.categories,
        image_ids=tuple(records.image_ids[order].tolist()),
        sizes=tuple(zip(records.heights[order].tolist(), records.widths[order].tolist(), strict=True)),
        annotations=count,
        sources=of_row,
        images=of_row,
        places=records.labels,
        names=records.ann_ids.tolist(),
        boxes=boxes,
        has_box=yes,
        areas=records.areas,
        has_area=yes,
        crowd=records.crowd,
        ignored=records.crowd,
        zero_id=no,
        predicted=no,
        drawings=_Drawings(records),
        adds_up=yes,
        marks={"crowd": records.crowd},
    )
