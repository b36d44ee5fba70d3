"""COCO average precision for base, novel and all classes and for each class, from one evaluation per kind.

A COCO evaluation treats every class by itself and averages at the end, so that the AP of a set of classes is the mean
over its part of the precision array: one matching serves base, novel, all and every class.

The figures are those of COCOeval on the annotation file as it lies on the disk, wherever that runs; ``rules`` says what
is done with the rows it stops at. At most 100 detections per image and class count, the best ones. A class without
objects to judge has no AP (None) and no part in any mean. All figures are in percent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from contrastmask.data.records import Category
from contrastmask.data.splits import Split
from contrastmask.evaluation.coco_match import BACKENDS, KINDS, match
from contrastmask.evaluation.description import describe
from contrastmask.evaluation.detections import Prediction, as_instances, checked, places_of
from contrastmask.evaluation.truth import Truth

# metric -> (precision rather than recall, index of the IoU threshold or all ten, index of the area range)
METRICS: dict[str, tuple[bool, int | None, int]] = {
    "AP": (True, None, 0),
    "AP50": (True, 0, 0),
    "AP75": (True, 5, 0),
    "APs": (True, None, 1),
    "APm": (True, None, 2),
    "APl": (True, None, 3),
    "AR": (False, None, 0),
    "ARs": (False, None, 1),
    "ARm": (False, None, 2),
    "ARl": (False, None, 3),
}
CLASS_METRICS = ("AP", "AP50", "AR")
UNKNOWN = "unknown"  # group of a class that the file has and the model does not


def evaluate(
    truth: Truth,
    predictions: Sequence[Prediction],
    split: Split,
    *,
    classes: Sequence[Category] | None = None,
    image_ids: Iterable[Any] | None = None,
    kinds: Sequence[str] = ("box", "mask"),
    backend: str = "arrays",
) -> dict[str, Any]:
    """Score detections against all ground truth.

    Args:
        truth: the annotation file's objects, of *all* classes that shall be judged, novel ones included.
        predictions: one dict per image: ``image_id``, ``boxes [D, 4]`` (kind ``box`` only), ``scores [D]``, ``labels
            [D]`` (arrays or tensors), ``rles`` list of D run lengths (kind ``mask`` only). An image without detections
            has empty ones, or none.
        split: which labels are base and novel.
        classes: the model's, in label order; None: they are the file's categories.
        image_ids: the images to which everything is limited; None takes all of the file, as COCOeval does.
        kinds: ``"box"``, ``"mask"``.
        backend: ``"arrays"``, ``"faster"`` (faster-coco-eval) or ``"pycocotools"``; the same figures.

    Returns:
        ``{kind: {"novel" | "base" | "all": {metric: percent or None}}, "per_class": {name: {"group", "images",
        "objects", kind: {"AP", "AP50", "AR"}}}, "images": {"evaluated", "of"}, "truth": …}``, the last from
        :func:`~contrastmask.evaluation.description.describe`. None: nothing to judge; 0.0: objects, but nothing found.
        ``all`` are the file's categories. A class that the file has and the model does not is of the group ``unknown``.

    Raises:
        DataError: an image is predicted twice or unknown, or a prediction's arrays do not fit together.
        ValueError: an unknown kind or backend.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"kinds are {list(KINDS)}, not {sorted(unknown)}")
    if backend not in BACKENDS:
        raise ValueError(f"backends are {', '.join(BACKENDS)}, not {backend!r}")
    places = places_of(truth.categories if classes is None else classes, truth)
    by_image = checked(predictions, truth, len(places), kinds)
    images = truth.positions(image_ids)
    rows = truth.rows(images)
    everything = list(range(len(truth.categories)))
    groups = {side: [int(p) for p in places[list(getattr(split, side))] if p >= 0] for side in ("novel", "base")}
    groups["all"] = everything
    result: dict[str, Any] = {}
    per_class = _class_rows(truth, groups, rows)
    for kind in kinds:
        objects = truth.instances_of(images, kind)
        detections = as_instances(by_image, images, places, truth, kind)
        precision, recall = match(objects, detections, len(images), len(everything), kind, backend)
        result[kind] = {name: _summary(precision, recall, members, METRICS) for name, members in groups.items()}
        for place, name in enumerate(truth.class_names):
            per_class[name][kind] = _summary(precision, recall, [place], CLASS_METRICS)
    result["per_class"] = per_class
    result["images"] = {"evaluated": len(images), "of": len(truth.image_ids)}
    result["truth"] = describe(truth, images, rows, kinds, by_image, places)
    return result


def _summary(
    precision: np.ndarray, recall: np.ndarray, places: list[int], metrics: Iterable[str]
) -> dict[str, float | None]:
    """Means over classes, as COCO takes them: over all thresholds, recalls and classes with objects at once."""
    figures: dict[str, float | None] = {}
    for name in metrics:
        is_precision, threshold, area = METRICS[name]
        values = (precision if is_precision else recall)[..., places, area]
        values = values if threshold is None else values[threshold]
        values = values[values > -1]
        figures[name] = 100.0 * float(values.mean()) if values.size else None
    return figures


def _class_rows(truth: Truth, groups: dict[str, list[int]], rows: np.ndarray) -> dict[str, dict[str, Any]]:
    """Per class its group and how many objects (crowds and what is ignored aside) in how many of the images."""
    counted = rows[~truth.ignored[rows]]
    objects = np.bincount(truth.places[counted], minlength=len(truth.categories))
    pairs = np.unique(np.stack([truth.places[counted], truth.images[counted]]), axis=1)
    images = np.bincount(pairs[0], minlength=len(truth.categories))
    group = {place: side for side in ("novel", "base") for place in groups[side]}
    return {
        name: {
            "group": group.get(place, UNKNOWN),
            "images": int(images[place]),
            "objects": int(objects[place]),
        }
        for place, name in enumerate(truth.class_names)
    }
