"""What a completion keeps of a group of images, in its journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from contrastmask.data.images.looking_ahead import Kinds, joined
from contrastmask.data.records import Records
from contrastmask.data.report import Report


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


def with_pictures(piece: dict[str, Any], kinds: Kinds) -> dict[str, Any]:
    """The piece, and what was found of its pictures where something was."""
    return {**piece, "pictures": kinds} if kinds else piece


def pictures_of(piece: dict[str, Any]) -> Kinds:
    """What was found of a piece's pictures."""
    return piece.get("pictures", {})


def of_pieces(pieces: Iterable[dict[str, Any]]) -> Report:
    """What was found of all pictures."""
    return joined(map(pictures_of, pieces))
