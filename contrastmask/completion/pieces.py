"""What a completion keeps of a group of images, in its journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from contrastmask.data.records import Records


def piece_of(
    records: Records, group: list[int], found: Iterable[tuple[int, np.ndarray, dict[str, Any]]]
) -> dict[str, Any]:
    """``{"masks": [[place in the file, counts, confidence], …], "unreadable": [image position, …]}``.

    Args:
        group: positions of the images. found: of each that could be read its position, the rows of the records that
            were asked about, and their ``rles`` and ``confidence``.
    """
    masks, seen = [], set()
    for image, rows, result in found:
        seen.add(image)
        places = records.rows[rows].tolist()
        for place, rle, sure in zip(places, result["rles"], result["confidence"].tolist(), strict=True):
            masks.append([place, rle["counts"], round(sure, 6)])
    return {"masks": masks, "unreadable": [image for image in group if image not in seen]}
