"""COCO's greedy matching (``COCOeval.evaluateImg``, pycocotools 2.0) of all images and classes at once, in arrays.

The detections of an image and class take their objects in turn, the best first; those of different images or classes
know nothing of each other. So all the firsts are matched together, then all the seconds: a dozen array operations a
turn, whatever the number of images. L detections have edges; S settings are the area ranges times the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrastmask.evaluation.pairs import Edges


@dataclass(frozen=True, eq=False)
class Matches:
    """Attributes:
    detections: int64 ``[L]``, positions of the detections that have an edge, ascending. found: bool ``[L, S]``, it has
        an object. ignored: bool ``[L, S]``, that object is ignored.
    """

    detections: np.ndarray
    found: np.ndarray
    ignored: np.ndarray


def match_greedily(
    edges: Edges, ignored: np.ndarray, crowd: np.ndarray, zero_id: np.ndarray, thresholds: np.ndarray
) -> Matches:
    """Give every detection the object with the greatest IoU that is still free, one that counts before one that is
    ignored; of equals the last. A region is free for ever.

    Args:
        edges: with finite IoUs. ignored: bool ``[N, S]`` of the objects. crowd, zero_id: bool ``[N]`` of the objects.
        thresholds: float64 ``[S]`` of the settings.
    """
    count, settings = len(edges.iou), len(thresholds)
    live, first, degree = np.unique(edges.detection, return_index=True, return_counts=True)
    # greatest IoU, then last: one number for each edge that says so
    order = np.lexsort((np.arange(count), edges.iou, edges.detection))
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(1, count + 1)
    turn = _turns(edges.pair[first])
    taken = np.zeros(ignored.shape, dtype=bool)
    found, is_ignored = (np.zeros((len(live), settings), dtype=bool) for _ in range(2))
    by_turn = np.argsort(turn, kind="stable")
    stops = np.searchsorted(turn[by_turn], np.arange(1, turn.max(initial=-1) + 2))
    start = 0
    for stop in stops.tolist():
        now = by_turn[start:stop]
        start = stop
        lengths = degree[now]
        ends = np.cumsum(lengths)
        rows = np.repeat(first[now] - (ends - lengths), lengths) + np.arange(ends[-1])
        objects = edges.object[rows]
        free = ~taken[objects] | crowd[objects, None]
        free &= edges.iou[rows, None] >= thresholds
        key = np.where(free, place[rows, None] + np.where(ignored[objects], 0, count + 1), 0)
        best = np.maximum.reduceat(key, ends - lengths, axis=0)
        who, setting = np.nonzero(best)
        chosen = edges.object[order[best[who, setting] % (count + 1) - 1]]
        taken[chosen, setting] = True
        found[now[who], setting] = ~zero_id[chosen]
        is_ignored[now[who], setting] = ignored[chosen, setting]
    return Matches(live, found, is_ignored)


def _turns(pairs: np.ndarray) -> np.ndarray:
    """int64 ``[L]``: how many before it are of the same pair; pairs int64 ``[L]``, ascending."""
    first = np.searchsorted(pairs, pairs, side="left")
    return np.arange(len(pairs)) - first
