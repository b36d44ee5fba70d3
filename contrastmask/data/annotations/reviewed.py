"""What a person has said of a mask: a review marks it, in the row and under its `attributes`, where tools keep it."""

from __future__ import annotations

from typing import Any

REVIEW = "segmentation_review"
ACCEPTED, REJECTED = "accepted", "rejected"
BEFORE = "segmentation_rejected"  # the mask that was taken out, so that nothing is lost


def review_of(row: Any) -> str | None:
    """``"accepted"``, ``"rejected"`` or None; where row and attributes differ, what was accepted once stays so."""
    if not isinstance(row, dict):
        return None
    inner = row.get("attributes")
    said = {row.get(REVIEW) if isinstance(row.get(REVIEW), str) else None}
    if isinstance(inner, dict) and isinstance(inner.get(REVIEW), str):
        said.add(inner[REVIEW])
    return next((state for state in (ACCEPTED, REJECTED) if state in said), None)
