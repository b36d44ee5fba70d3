"""What a person has said of a mask: a review marks it, in the row and under its `attributes`, where tools keep it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

REVIEW = "segmentation_review"
ACCEPTED, REJECTED = "accepted", "rejected"
BEFORE = "segmentation_rejected"  # the mask that was taken out, so that nothing is lost


def accepted_rows(reviews: Sequence[Any], attributes: Sequence[Any]) -> np.ndarray:
    """bool [A]: a person accepted the mask, as the row says itself or under its `attributes`.

    Args:
        reviews, attributes: the rows' values of `segmentation_review` and `attributes`; None where missing.
    """
    if not any(reviews) and not any(attributes):
        return np.zeros(len(reviews), dtype=bool)
    inner = (value.get(REVIEW) if type(value) is dict else None for value in attributes)
    return np.array([ACCEPTED in (one, other) for one, other in zip(reviews, inner, strict=True)], dtype=bool)


def review_of(row: Any) -> str | None:
    """``"accepted"``, ``"rejected"`` or None; where row and attributes differ, what was accepted once stays so."""
    if not isinstance(row, dict):
        return None
    inner = row.get("attributes")
    said = {row.get(REVIEW) if isinstance(row.get(REVIEW), str) else None}
    if isinstance(inner, dict) and isinstance(inner.get(REVIEW), str):
        said.add(inner[REVIEW])
    return next((state for state in (ACCEPTED, REJECTED) if state in said), None)
