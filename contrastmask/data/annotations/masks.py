"""Which rows of a file keep their mask, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastmask.data.annotations.mending import may_mend, mend_masks
from contrastmask.data.annotations.nested import Nested, settle_nested
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.annotations.turned import OUTLINE
from contrastmask.data.annotations.whole_fault import FEW
from contrastmask.data.reading import Reading
from contrastmask.data.segmentation.check import EMPTY, MENDABLE, MENDS, MISSING, PROBLEMS, SOUND, Packed, pack
from contrastmask.data.segmentation.extents import Extents, mask_extents

MOST = "most segmentations of the file cannot be read"


def read_masks(
    raw: Sequence[Any], xywh: np.ndarray, size: np.ndarray, sieve: Sieve, reading: Reading
) -> tuple[Packed, Extents, Nested]:
    """All masks checked and measured; with `repair` those mended that can only mean one; as asked for, holes cut out.

    Args:
        raw: the rows' segmentations. xywh: float64 [A, 4]. size: int64 [A, 2], the images' (W, H).
    """
    packed = pack(raw, size[:, 1], size[:, 0])
    if reading.repair:
        packed, masks = mend_masks(raw, packed, xywh, size, sieve)
    else:
        masks = mask_extents(packed, size[:, 1])
    packed, nested = settle_nested(packed, size, cut=reading.nested == "hole")
    return packed, mask_extents(packed, size[:, 1]) if reading.nested == "hole" else masks, nested


def settle_masks(
    raw: Sequence[Any],
    packed: Packed,
    predicted: np.ndarray,
    accepted: np.ndarray,
    before_turn: np.ndarray,
    size: np.ndarray,
    sieve: Sieve,
    reading: Reading,
) -> np.ndarray:
    """bool [A]: the row keeps its mask; whatever takes one away, and why, is counted.

    Args:
        predicted, accepted, before_turn: bool [A], a model made the mask, a person accepted it, it is a box before its
            turn as `settle_turned` tells. Others as above.
    """
    before_turn = before_turn & packed.lacking
    sieve.count("without_mask", before_turn, OUTLINE)
    for problem in np.unique(packed.problem[(packed.problem != SOUND) & ~before_turn]):
        found = (packed.problem == problem) & ~before_turn
        mends = not reading.repair and problem in MENDABLE and may_mend(raw, found, size)
        sieve.count("without_mask", found, PROBLEMS[problem], MENDS if mends else "")
    unreadable = ~np.isin(packed.problem, (SOUND, MISSING, EMPTY)) & ~before_turn & sieve.alive
    written = (unreadable | (packed.problem == SOUND)) & sieve.alive
    if unreadable.sum() >= FEW and 2 * unreadable.sum() >= written.sum():
        sieve.count(
            "warning", unreadable, MOST, "mend the file: they are somebody's masks, and nothing learns from them"
        )
    sieve.count("repaired", packed.trimmed, "polygons of fewer than 3 points removed")
    sieve.count("without_mask", packed.blank, "mask covers no pixel of the image")
    has_mask = ~packed.lacking
    made = has_mask & predicted
    unused = {"ignore": made, "accepted": made & ~accepted, "use": np.zeros_like(made)}[reading.predicted_masks]
    remedy = "data.predicted_masks=use learns from them, too"
    sieve.count("without_mask", unused, "mask is a prediction, not a person's", remedy)
    sieve.count("noted", made & ~unused & accepted, "mask is a prediction that a person accepted")
    sieve.count("noted", made & ~unused & ~accepted, "mask is a prediction, not a person's")
    return has_mask & ~unused
