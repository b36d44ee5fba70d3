"""Whether records hold something to learn masks from, and what reading lost where they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrastmask.data.records import Records
from contrastmask.errors import DataError

NOTHING = "no object of a base class has a mask, so there is nothing to learn masks from"


def require_masks(base: Sequence[int], records: Records) -> None:
    """Raise unless a training on these records, not yet split, has objects, and masks of base classes.

    Args:
        base: labels of the classes that may show their masks.

    Raises:
        DataError: nothing to learn from; with the way out and everything that reading lost.
    """
    objects = records.labels[~records.crowd]
    if not len(objects):
        raise DataError(f"{records.path}: no object is left to train on{lost(records)}")
    if not np.isin(records.labels[records.has_mask & ~records.crowd], list(base)).any():
        raise DataError(f"{records.path}: {NOTHING}. {_way(records)}{lost(records)}")


def _way(records: Records) -> str:
    """What to do where no base class has a mask."""
    number, masked = int((~records.crowd).sum()), records.has_mask & ~records.crowd
    if not masked.any():
        return f"None of its {number} objects has one; split.mask_share=0 trains a detector on boxes alone"
    names = ", ".join(records.class_names[label] for label in np.unique(records.labels[masked])[:10].tolist())
    if not (masked & records.drawn).any():
        return f"All its masks are predictions ({names}); split=all learns from them alone"
    return f"Masks are there of {names}: split.base=[…] names them, split=as_annotated takes every class that has one"


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
