"""Overlaps of detections with objects of their image and class: nothing else can match, and nothing else is computed.

An *edge* is a detection and an object of its image and class whose IoU reaches the lowest threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.columns import offsets_of
from contrastmask.evaluation.instances import Instances


@dataclass(frozen=True, eq=False)
class Ranked:
    """Detections class by class, image by image, the best first, of an image and class no more than count.

    Attributes:
        rows: int64 ``[D]``, of the detections. images, places: int64 ``[D]``. scores: float64 ``[D]``.
        class_offsets: int64 ``[K + 1]``, where each class begins and the last ends.
    """

    rows: np.ndarray
    images: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    class_offsets: np.ndarray


@dataclass(frozen=True, eq=False)
class Edges:
    """E edges, of each detection one after another, its objects in the file's order.

    Attributes:
        detection: int64 ``[E]``, position in :class:`Ranked`. object: int64 ``[E]``, row of the objects.
        iou: float64 ``[E]``, for a region the share of the detection inside it; may be no number where a box is none.
    pair: int64 ``[E]``, number of the image and class, ascending.
    """

    detection: np.ndarray
    object: np.ndarray
    iou: np.ndarray
    pair: np.ndarray


def rank(detections: Instances, classes: int, most: int) -> Ranked:
    """The detections in the order in which they are matched; ties of scores stay in the order they came in."""
    order = np.lexsort((-detections.scores, detections.images, detections.places))
    images, places = detections.images[order], detections.places[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(images) != 0) | (np.diff(places) != 0)
    first = np.flatnonzero(new)
    within = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    kept = within < most
    order, images, places = order[kept], images[kept], places[kept]
    class_offsets = offsets_of(np.bincount(places, minlength=classes))
    return Ranked(order, images, places, detections.scores[order], class_offsets)


def edges(objects: Instances, detections: Instances, ranked: Ranked, lowest: float) -> Edges:
    """All edges.

    Args:
        lowest: IoU below which nothing ever matches.
    """
    span = 1 + max(objects.images.max(initial=0), ranked.images.max(initial=0))
    theirs = objects.places * span + objects.images
    order = np.argsort(theirs, kind="stable")
    keys, first, counts = np.unique(theirs[order], return_index=True, return_counts=True)
    own = ranked.places * span + ranked.images
    begin, end = np.searchsorted(own, keys, side="left"), np.searchsorted(own, keys, side="right")
    found: list[np.ndarray] = [np.zeros(0)]
    both = np.flatnonzero(end > begin)
    begin, end, first, counts = begin[both], end[both], first[both], counts[both]
    crowd = objects.crowd.astype(np.uint8)
    for d, stop, g, count in zip(begin.tolist(), end.tolist(), first.tolist(), counts.tolist(), strict=True):
        those = order[g : g + count]
        # COCO's own function: its roundings decide at a threshold
        overlaps = coco_mask.iou(detections.chosen(ranked.rows[d:stop]), objects.chosen(those), crowd[those])
        found.append(overlaps.ravel())
    iou = np.concatenate(found)
    # of a pair's D x G overlaps, all in one row
    wide, high = counts, end - begin
    offsets = offsets_of(wide * high)
    pair = np.repeat(np.arange(len(both)), wide * high)
    at = np.arange(len(iou)) - offsets[:-1][pair]
    live = np.flatnonzero(~(iou < lowest))
    pair, at = pair[live], at[live]
    return Edges(begin[pair] + at // wide[pair], order[first[pair] + at % wide[pair]], iou[live], pair)
