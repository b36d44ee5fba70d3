"""Run lengths that a file has had before: tools that know polygons alone fail on a single one of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from contrastmask.completion.polygons import polygons_of_many
from contrastmask.data.columns import flags
from contrastmask.data.records import Records
from contrastmask.data.segmentation.check import check
from contrastmask.errors import DataError

CROWD, UNUSABLE, UNREADABLE, AS_IT_WAS = "crowd region", "unusable row", "unreadable", "form_all=false"


def settle_run_lengths(rows: list[Any], records: Records, convert: bool) -> dict[str, Any]:
    """Turn run lengths into polygons of the same pixels, in place, or count them.

    Crowd regions keep theirs: COCO's are run lengths, and no tool makes one object of them.

    Args:
        rows: the file's list `annotations`, new masks in it.

    Returns:
        ``converted``: rows; ``left``: why rows have run lengths still → rows.
    """
    position = np.full(len(rows), -1, dtype=np.int64)
    position[records.rows] = np.arange(len(records.rows))
    images = records.images_of(np.maximum(position, 0)).tolist()
    left: Counter[str] = Counter()
    places, masks, converted = [], [], 0
    for place, (row, a, image) in enumerate(zip(rows, position.tolist(), images, strict=True)):
        if not (isinstance(row, dict) and isinstance(row.get("segmentation"), dict) and row["segmentation"]):
            continue
        if flags([row.get("iscrowd")])[0][0]:
            left[CROWD] += 1
        elif a < 0:
            left[UNUSABLE] += 1
        elif not convert:
            left[AS_IT_WAS] += 1
        else:
            try:
                found = check(row["segmentation"], int(records.heights[image]), int(records.widths[image]))
            except DataError:
                left[UNREADABLE] += 1
                continue
            places.append(place)
            masks.append(found)
    for place, polygons in zip(places, polygons_of_many(masks), strict=True):
        if polygons:
            rows[place]["segmentation"] = polygons
            converted += 1
        else:
            left[UNREADABLE] += 1
    return {"converted": converted, "left": dict(left)}
