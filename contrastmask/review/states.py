"""What may have been said of an object."""

from __future__ import annotations

from typing import Any

import numpy as np

from contrastmask.data.annotations import reviewed

PENDING, ACCEPTED, REJECTED, SKIPPED = range(4)
STATES = ("pending", reviewed.ACCEPTED, reviewed.REJECTED, "skipped")


def initial_states(rows: list[Any]) -> np.ndarray:
    """int8 [N]: what each row of a file says of itself. A mask that stands where one was rejected is another one."""
    said = {reviewed.ACCEPTED: ACCEPTED, reviewed.REJECTED: REJECTED, None: PENDING}
    states = np.array([said[reviewed.review_of(row)] for row in rows], dtype=np.int8)
    for place in np.flatnonzero(states == REJECTED).tolist():
        if rows[place].get("segmentation"):
            states[place] = PENDING
    return states
