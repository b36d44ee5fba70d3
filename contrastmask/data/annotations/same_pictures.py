"""Pictures that several image rows list: whether the rows tell the same objects."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from contrastmask.data.report import Report

AGAIN = "whose file_name another image has, too"
DIFFER = f"{AGAIN}, with other objects: what one row alone has is taught as background by the other"
WAY = "mend the file: one row for every picture, with the objects of all its rows"


def count_same_pictures(columns: Mapping[str, Any], report: Report) -> None:
    """Count every later row of a `file_name`: warned about where its classes and boxes are not those of the first.

    Args:
        columns: of `Records`.
    """
    blob, ends = columns["names"].tobytes(), columns["name_offsets"].tolist()
    first: dict[bytes, int] = {}
    alike, differ = [], []
    for image, (start, end) in enumerate(pairwise(ends)):
        before = first.setdefault(blob[start:end], image)
        if before != image:
            (alike if _objects(columns, before) == _objects(columns, image) else differ).append(image)
    ids = columns["image_ids"]
    report.add("noted", "image", AGAIN, ids[alike] if alike else [])
    report.add("warning", "image", DIFFER, ids[differ] if differ else [], remedy=WAY)


def _objects(columns: Mapping[str, Any], image: int) -> list[list[float]]:
    """Class and box of an image's objects, in an order of their own."""
    rows = slice(*columns["offsets"][image : image + 2])
    return sorted(np.column_stack([columns["labels"][rows], columns["boxes"][rows]]).tolist())
