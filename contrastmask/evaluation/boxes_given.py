"""Whether the boxes of detections were found, or given to the model."""

from __future__ import annotations

import numpy as np

from contrastmask.evaluation.results_file import ResultsFile
from contrastmask.evaluation.truth import Truth

CLOSE = 0.02  # pixels: what two decimals in a file, or 32 bits on the way, make of a box
DRAWN = (
    "the boxes were given to this run, none was found: box figures would say nothing. IoU stands in its results.json"
)
LIKELY = (
    "every box is one of the truth's own, of its class: given, it seems, and not found; then box figures say "
    "nothing, and mask figures are of masks in given boxes"
)


def are_the_truths(found: ResultsFile, truth: Truth) -> bool:
    """Whether each detection has a box that an object of its image and class has; False without boxes."""
    if found.boxes is None or not len(found.boxes):
        return False
    rows = np.flatnonzero(truth.has_box)
    own, said = (images * len(truth.categories) + places for images, places in (
        (truth.images[rows], truth.places[rows]), (found.positions, found.places)
    ))  # fmt: skip
    order = np.argsort(own, kind="stable")
    own, boxes = own[order], truth.boxes[rows[order]]
    for key in np.unique(said).tolist():
        first, last = np.searchsorted(own, [key, key + 1])
        apart = np.abs(found.boxes[said == key][:, None] - boxes[None, first:last]).max(axis=2)
        if first == last or (apart.min(axis=1) > CLOSE).any():
            return False
    return True
