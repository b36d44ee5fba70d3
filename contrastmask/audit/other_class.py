"""Objects of which a model that finds objects is surer that they are of another class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from contrastmask.data.images.read import read_image_of
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.prediction.predictor import Predictor

_SAME_PLACE = 0.5  # IoU of a detection's box with the object's
Other = dict[int, tuple[str, float]]  # position in the records → (the class, how much surer the model is of it, 0..1)


def other_classes(predictor: Predictor, records: Records, positions: np.ndarray, console: Console) -> Other:
    """Detect in the images of these objects, and compare the best score at each object's place, class by class.

    A model that often takes a class for others says little where it does: what it is surer by counts the less, the
    larger the share of the class's objects of which it is surer that they are of another.
    """
    images = records.images_of(positions)
    surer: Other = {}
    for image, places in _by_image(images, positions, console):
        try:
            pixels = read_image_of(records, image).permute(1, 2, 0).numpy()
        except DataError:  # told of already: it has no masks of the model
            continue
        found = predictor.predict(pixels, masks=False)
        for a, other in zip(places, _at(records, places, found), strict=True):
            if other is not None:
                surer[a] = other
    return _weighted(records, positions, surer)


def _by_image(images: np.ndarray, positions: np.ndarray, console: Console) -> Iterator[tuple[int, list[int]]]:
    for image in track(np.unique(images).tolist(), "classes", console=console, transient=True):
        yield image, positions[images == image].tolist()


def _at(records: Records, places: Sequence[int], found: dict[str, Any]) -> list[tuple[str, float] | None]:
    boxes, scores, names = found["boxes"].astype(np.float64), found["scores"], np.array(found["names"], dtype=object)
    result: list[tuple[str, float] | None] = []
    for a in places:
        own = records.class_names[records.labels[a]]
        here = _overlaps(records.boxes[a].astype(np.float64), boxes) >= _SAME_PLACE
        other = here & (names != own)
        if not other.any():
            result.append(None)
            continue
        best = int(np.flatnonzero(other)[scores[other].argmax()])
        gain = float(scores[best]) - float(scores[here & (names == own)].max(initial=0.0))
        result.append((str(names[best]), gain) if gain > 0 else None)
    return result


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = sides.clip(0).prod(axis=1)
    return both / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - both)


def _weighted(records: Records, positions: np.ndarray, surer: Other) -> Other:
    count = len(records.class_names)
    of_class = np.bincount(records.labels[positions], minlength=count)
    taken = np.bincount(records.labels[sorted(surer)], minlength=count) if surer else np.zeros(count)
    weight = 1 - taken / np.maximum(of_class, 1)
    return {a: (name, gain * float(weight[records.labels[a]])) for a, (name, gain) in surer.items()}
