"""From matches to precision and recall (``COCOeval.accumulate``, pycocotools 2.0), class by class.

Precision, made monotone, and recall are looked up at true positives alone: between two of them precision only falls.
"""

from __future__ import annotations

import numpy as np

from contrastmask.evaluation.matching import Matches
from contrastmask.evaluation.pairs import Ranked

RECALLS = np.linspace(0.0, 1.00, 101)


def count(ranked: Ranked, matches: Matches, outside: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall.

    Args:
        outside: bool ``[D, S]`` of the ranked detections: its area is not in the setting's range, so that it is no
            error where it finds nothing. objects: int64 ``[K, S]``, how many are to be found.

    Returns:
        float64 ``[K, S, 101]`` and ``[K, S]``, in 0..1, -1 where there is no object.
    """
    classes, settings = objects.shape
    precision = np.full((classes, settings, len(RECALLS)), -1.0)
    recall = np.full((classes, settings), -1.0)
    starts = np.searchsorted(matches.detections, ranked.class_offsets)
    for place in np.flatnonzero(objects.any(axis=1)).tolist():
        begin, end = ranked.class_offsets[place : place + 2]
        live = slice(starts[place], starts[place + 1])
        found, ignored = np.zeros((end - begin, settings), dtype=bool), outside[begin:end].copy()
        rows = matches.detections[live] - begin
        found[rows] = matches.found[live]
        ignored[rows] = matches.ignored[live] | (ignored[rows] & ~found[rows])
        order = np.argsort(-ranked.scores[begin:end], kind="stable")
        counted = ~ignored[order]
        true = found[order] & counted
        seen = np.cumsum(counted, axis=0, dtype=np.int32)
        for setting in np.flatnonzero(objects[place]).tolist():
            at = np.flatnonzero(true[:, setting])
            precision[place, setting], recall[place, setting] = _curve(seen[at, setting], objects[place, setting])
    return precision, recall


def _curve(seen: np.ndarray, objects: int) -> tuple[np.ndarray, float]:
    """Precision at :data:`RECALLS`, and the last recall; seen: int ``[T]``, detections that count up to each true
    positive, itself among them."""
    result = np.zeros(len(RECALLS))
    if len(seen) == 0:
        return result, 0.0
    true = np.arange(1.0, len(seen) + 1)
    recall = true / objects
    precision = true / ((seen - true) + true + np.spacing(1))
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    reached = at < len(seen)
    result[reached] = highest[at[reached]]
    return result, float(recall[-1])
