"""New masks beside boxes that the file has in another form than pixels: only this program reads both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastmask.data.columns import quadruples
from contrastmask.data.own_boxes import boxes_agree
from contrastmask.data.records import Records

ADVICE = "other programs see masks outside their boxes. Mend the boxes in the file, and complete that"


def rows_apart(rows: list[Any], records: Records, completed: Sequence[int]) -> int:
    """How many of the completed rows have a box that was read otherwise than as x, y, width, height in pixels.

    There are none but by ``data.repair``.

    Args:
        rows: the file's list ``annotations``. completed: annotations of the records.
    """
    a = np.array(completed, dtype=np.int64)
    xywh = quadruples([rows[place].get("bbox") for place in records.rows[a].tolist()])
    return int((~boxes_agree(records, a, xywh) & np.isfinite(xywh).all(axis=1)).sum())
