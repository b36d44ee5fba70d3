"""Whether records hold something to learn masks from, and what reading lost where they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrastmask.data.records import Records
from contrastmask.errors import DataError

NOTHING = "no object of a base class has a mask, so there is nothing to learn masks from"
DRAW_SOME = (
    "a crop branch needs masks that people drew: draw some, of any classes (docs/crops.md: what 50 are worth), or "
    "complete the file with a crop branch that learnt from other data"
)
LEAST_SIDE = 4  # px of a box; the crops of smaller ones teach nothing


def require_masks(base: Sequence[int], records: Records, *, by_crops: bool = False) -> None:
    """Raise unless a training on these records, not yet split, has objects, and masks of base classes.

    Args:
        base: labels of the classes that may show their masks.
        by_crops: it is a crop branch that learns, which needs drawn masks; a detector learns from boxes alone, too.

    Raises:
        DataError: nothing to learn from; with the way out and everything that reading lost.
    """
    objects = records.labels[~records.crowd]
    if not len(objects):
        raise DataError(f"{records.path}: no object is left to train on", lost(records))
    if not np.isin(records.labels[records.has_mask & ~records.crowd], list(base)).any():
        raise DataError(f"{records.path}: {NOTHING}. {_way(records, by_crops)}", lost(records))


def _way(records: Records, by_crops: bool) -> str:
    """What to do where no base class has a mask."""
    number, masked = int((~records.crowd).sum()), records.has_mask & ~records.crowd
    if not masked.any():
        alone = DRAW_SOME if by_crops else "split.mask_share=0 trains a detector on boxes alone"
        return f"None of its {number} objects has one; {alone}"
    names = ", ".join(records.class_names[label] for label in np.unique(records.labels[masked])[:10].tolist())
    if not (masked & records.drawn).any():
        alone = DRAW_SOME if by_crops else "split=all learns from them alone"
        return f"All its masks are predictions ({names}); {alone}"
    return f"Masks are there of {names}: split=as_annotated takes every class that has one, split.base=[…] names them"


def usable(records: Records, chosen: np.ndarray) -> np.ndarray:
    """int64 rows of the annotations ``chosen``, bool ``[A]``, that are no crowd and have sides of at least 4 px."""
    sides = (records.boxes[:, 2:] - records.boxes[:, :2]).min(axis=1) if len(records.boxes) else np.zeros(0)
    return np.flatnonzero(chosen & ~records.crowd & (sides >= LEAST_SIDE))


def require_usable(records: Records) -> np.ndarray:
    """int64 rows of the split ``records`` that a crop branch learns masks from.

    Raises:
        DataError: there is none, with everything that reading lost.
    """
    rows = usable(records, records.drawn)
    if len(rows) == 0:
        raise DataError(
            f"{records.path}: no object is left that a crop branch can learn from: with a drawn mask that the split "
            f"and split.mask_share leave it, and a box of at least {LEAST_SIDE} px a side; {DRAW_SOME}",
            lost(records),
        )
    return rows


def bare_classes(base: Sequence[int], records: Records) -> list[str]:
    """Names of the classes among the labels ``base`` that have objects and not one mask, drawn or predicted."""
    objects, masks = (
        np.bincount(records.labels[chosen], minlength=len(records.categories))
        for chosen in (~records.crowd, ~records.crowd & records.has_mask)
    )
    return [records.class_names[label] for label in base if objects[label] and not masks[label]]


def lost(records: Records) -> list[str]:
    """What reading lost or doubts, a line each, for an error that may follow from it."""
    return records.report.lines("warning", "dropped", "without_mask", "noted")


def count_masks(records: Records) -> np.ndarray:
    """int64 [K], objects with a mask that no model made."""
    return np.bincount(records.labels[~records.crowd & records.drawn], minlength=len(records.categories))
