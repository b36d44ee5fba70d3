"""Which images of a data set a training uses."""

from __future__ import annotations

import numpy as np

from contrastmask.data.records import Records

MIN_SIDE = 32
NO_ANNOTATION = "images without annotation"
TOO_SMALL = f"images with a side below {MIN_SIDE} px"


def training_images(records: Records) -> tuple[np.ndarray, dict[str, int]]:
    """Images to train on, int64 [I'] positions in `records`, and how many were left out for which reason.

    As MMDetection: images without any annotation or with a side < 32 px are left out; images that hold only crowd
    regions stay, as negatives.
    """
    empty = np.diff(records.offsets) == 0
    small = (np.minimum(records.heights, records.widths) < MIN_SIDE) & ~empty
    left_out = {NO_ANNOTATION: int(empty.sum()), TOO_SMALL: int(small.sum())}
    return np.flatnonzero(~empty & ~small), left_out
