"""Whether records hold something to learn masks from, and what reading lost where they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrastmask.data.records import Records
from contrastmask.errors import DataError


def require_masks(base: Sequence[int], records: Records) -> None:
    """Raise unless a training on these records, not yet split, has objects, and masks of base classes.

    Args:
        base: labels of the classes that may show their masks.

    Raises:
        DataError: nothing to learn from; with everything that reading lost.
    """
    objects = np.bincount(records.labels[~records.crowd], minlength=len(records.categories))
    if not objects.any():
        raise DataError(f"{records.path}: no object is left to train on{lost(records)}")
    if not np.isin(records.labels[records.has_mask & ~records.crowd], list(base)).any():
        raise DataError(
            f"{records.path}: no object of a base class has a mask, so there is nothing to learn masks from "
            f"(split.mask_share=0 trains boxes alone){lost(records)}"
        )


def bare_classes(base: Sequence[int], records: Records) -> list[str]:
    """Names of the classes among the labels ``base`` that have objects and not one mask, drawn or predicted."""
    objects, masks = (
        np.bincount(records.labels[chosen], minlength=len(records.categories))
        for chosen in (~records.crowd, ~records.crowd & records.has_mask)
    )
    return [records.class_names[label] for label in base if objects[label] and not masks[label]]


def lost(records: Records) -> str:
    """What reading lost or doubts, a line each, to stand below an error that may follow from it."""
    return "".join(f"\n  {line}" for line in records.report.lines("warning", "dropped", "without_mask", "noted"))


def count_masks(records: Records) -> np.ndarray:
    """int64 [K], objects with a mask that no model made."""
    return np.bincount(records.labels[~records.crowd & records.drawn], minlength=len(records.categories))
