"""What is shown of one object: where to look, outlines, figures, who stands beside it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from contrastmask.completion.polygons import parts_of_runs
from contrastmask.completion.sieve import COMPONENTS, FILLED, LARGEST, TOUCHES
from contrastmask.data.segmentation.figures import SIDES
from contrastmask.review.objects import Objects
from contrastmask.review.pictures import Window
from contrastmask.review.queue import Queue, Wish
from contrastmask.review.states import STATES

CONTEXT, CLOSE, WHOLE = "context", "close", "whole"
AROUND = {CONTEXT: (3.0, 120), CLOSE: (1.25, 16)}  # times the box's longer side, and the least side in pixels
NARROW = 0.6  # a close view is at least so many times as wide as it is high, and the other way round
BESIDE = 24  # neighbours whose masks are drawn; of crowded images only the nearest
LISTED = 8


class Views:
    """Views of the objects of a queue."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.objects = queue, queue.objects
        self._outline = lru_cache(512)(self._outline_of)

    def view(self, place: int, wish: Wish) -> dict[str, Any]:
        """Everything that the template of an object shows.

        Raises:
            DataError: the row has no mask to look at.
        """
        objects, records = self.objects, self.objects.records
        a = objects.at(place)
        image = records.image_of(a)
        decisions = self.queue.decisions
        other = objects.other(place)
        windows = {name: window(objects, a, name) for name in (CONTEXT, CLOSE, WHOLE)}
        return {
            "place": place,
            "revision": int(decisions.revision[place]),
            "state": STATES[decisions.state[place]],
            "id": int(records.ann_ids[a]),
            "class_name": records.class_names[records.labels[a]],
            "source": "model" if objects.predicted[a] else "person",
            "confidence": _known(objects.confidence[a]),
            "suspicion": _known(objects.suspicion[a]),
            "reason": objects.reasons.get(place),
            "image": records.file_name(image),
            "image_id": int(records.image_ids[image]),
            "size": (int(records.widths[image]), int(records.heights[image])),
            "box": _corners(records.boxes[a]),
            "figures": _figures(objects.figures_of(np.array([a]))[0], records.boxes[a]),
            "windows": windows,
            "mask": self._outline(place),
            "other": other and {"paths": paths_of(other[0]), "when": other[1]},
            "neighbours": self._neighbours(a, image, windows[CONTEXT]),
            "surer": len(self.queue.surer(place)),
        }

    def prepare(self, place: int) -> None:
        """Find the outlines that a view of the object will need, while a person looks at another one."""
        a = self.objects.at(place)
        self._outline(place)
        self._neighbours(a, self.objects.records.image_of(a), window(self.objects, a, CONTEXT))

    def _outline_of(self, place: int) -> list[str]:
        return paths_of(self.objects.records.segmentation(int(self.objects.position[place])))

    def _neighbours(self, a: int, image: int, near: Window) -> dict[str, Any]:
        """The other objects of the image, the nearest first: masks of those in sight, boxes of all."""
        records = self.objects.records
        rows = np.arange(records.offsets[image], records.offsets[image + 1])
        rows = rows[(rows != a) & ~records.crowd[rows]]
        boxes = records.boxes[rows] - np.tile(records.boxes[a, :2] + records.boxes[a, 2:], 2) / 2
        rows = rows[np.argsort(np.abs(boxes[:, :2] + boxes[:, 2:]).max(axis=1), kind="stable")]
        found = [
            self._neighbour(b, drawn=number < BESIDE and _meets(records.boxes[b], near))
            for number, b in enumerate(rows.tolist())
        ]
        return {"all": found, "listed": found[:LISTED], "more": max(len(found) - LISTED, 0)}

    def _neighbour(self, b: int, *, drawn: bool) -> dict[str, Any]:
        objects, records = self.objects, self.objects.records
        place, shown = int(records.rows[b]), bool(objects.shown[b])
        return {
            "place": place if shown else None,
            "class_name": records.class_names[records.labels[b]],
            "confidence": _known(objects.confidence[b]),
            "state": STATES[self.queue.decisions.state[place]] if shown else "no mask",
            "box": _corners(records.boxes[b]),
            "paths": self._outline(place) if drawn and shown else [],
        }


def window(objects: Objects, a: int, name: str) -> Window:
    """The part of the image that a view shows: left, top, width, height in pixels, inside the image.

    Args:
        name: ``"context"``, ``"close"`` or ``"whole"``.
    """
    records = objects.records
    image = records.image_of(a)
    limits = np.array([records.widths[image], records.heights[image]], dtype=np.float64)
    if name == WHOLE:
        return 0, 0, int(limits[0]), int(limits[1])
    times, least = AROUND[name]
    low, high = records.boxes[a, :2].astype(np.float64), records.boxes[a, 2:].astype(np.float64)
    longer = (high - low).max()
    size = np.maximum(high - low, NARROW * longer) * times if name == CLOSE else np.full(2, longer * times)
    size = np.minimum(np.maximum(size, least), limits)
    start = np.clip((low + high - size) / 2, 0, limits - size)
    first, last = np.floor(start), np.minimum(np.ceil(start + size), limits)
    left, top, right, bottom = (int(value) for value in (*first, *last))
    return left, top, right - left, bottom - top


def paths_of(segmentation: list[list[float]] | dict[str, Any]) -> list[str]:
    """Outlines as SVG path data, one a part or polygon, in pixels of the image; the mask is their union.

    Args:
        segmentation: checked polygons or compressed run lengths, whose holes are rings of the same path (even-odd).
    """
    parts = parts_of_runs(segmentation) if isinstance(segmentation, dict) else [[polygon] for polygon in segmentation]
    return ["".join(_path(np.array(ring)) for ring in part) for part in parts]


def _path(numbers: np.ndarray) -> str:
    whole = numbers.astype(np.int64)
    numbers = whole if np.array_equal(whole, numbers) else numbers.round(1)
    return "M" + str(numbers.tolist())[1:-1].replace(",", "") + "Z"


def _figures(figures: dict[str, Any], box: np.ndarray) -> dict[str, Any]:
    names = list(figures.values())
    touched = figures[TOUCHES].split()
    return {
        "agreement": names[0],
        "components": figures[COMPONENTS],
        "largest": figures[LARGEST],
        "filled": figures[FILLED],
        "missed": [side for side in SIDES if side not in touched],
        "width": float(box[2] - box[0]),
        "height": float(box[3] - box[1]),
    }


def _known(value: float) -> float | None:
    return float(value) if value == value else None


def _corners(box: np.ndarray) -> dict[str, float]:
    left, top, right, bottom = (round(float(value), 1) for value in box)
    return {"x": left, "y": top, "width": round(right - left, 1), "height": round(bottom - top, 1)}


def _meets(box: np.ndarray, near: Window) -> bool:
    left, top, width, height = near
    return bool(box[0] < left + width and box[2] > left and box[1] < top + height and box[3] > top)
