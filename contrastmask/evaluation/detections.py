"""Detections on their way to a judgement, and as COCO's results files.

D detections of an image; boxes xyxy in image pixels; labels 0..K-1 of the model; places: positions among the categories
of a truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.records import Category
from contrastmask.errors import DataError
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_masks import blank

Prediction = dict[str, Any]
FILES = {"mask": "detections.json", "box": "detections_boxes.json"}  # of a run


def places_of(classes: Sequence[Category], truth: Truth) -> np.ndarray:
    """int64 ``[K]``: where each class of the model stands among the file's categories, -1 where it does not.

    The same id and name; else, where one category alone has it, the same name.
    """
    by_id = {category.id: place for place, category in enumerate(truth.categories)}
    names = [category.name for category in truth.categories]
    places = []
    for category in classes:
        place = by_id.get(category.id, -1)
        if place < 0 or names[place] != category.name:
            place = names.index(category.name) if names.count(category.name) == 1 else -1
        places.append(place)
    return np.array(places, dtype=np.int64)


def checked(
    predictions: Iterable[Prediction], truth: Truth, classes: int, kinds: Sequence[str]
) -> dict[int, Prediction]:
    """Predictions by their image's position, arrays on the host.

    Raises:
        DataError: an image is predicted twice or unknown, or a prediction's arrays do not fit together.
    """
    known = {image_id: position for position, image_id in enumerate(truth.image_ids)}
    found: dict[int, Prediction] = {}
    for prediction in predictions:
        image_id = prediction["image_id"]
        position = known.get(truth.own(image_id))
        if position is None:
            raise DataError(f"predictions for image {image_id}, which {truth.path} does not have")
        if position in found:
            raise DataError(f"image {image_id} is predicted twice; merge processes with gather_predictions()")
        arrays = {key: as_array(prediction[key]) for key in ("scores", "labels")}
        arrays["boxes"] = as_array(prediction["boxes"]).reshape(-1, 4) if "box" in kinds else np.zeros((0, 4))
        scores, labels, boxes = arrays["scores"], arrays["labels"], arrays["boxes"]
        lengths = {len(scores), len(labels), *([len(boxes)] if "box" in kinds else [])}
        if len(lengths | ({len(prediction["rles"])} if "mask" in kinds else set())) > 1:
            raise DataError(f"image {image_id}: boxes, scores, labels and rles of a prediction differ in length")
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise DataError(f"image {image_id}: a predicted box or score is not finite")
        if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            raise DataError(f"image {image_id}: predicted labels must be in 0..{classes - 1}")
        found[position] = {**prediction, **arrays}
    return found


def as_annotations(
    by_image: dict[int, Prediction], images: np.ndarray, places: np.ndarray, truth: Truth, kind: str
) -> list[dict[str, Any]]:
    """Detections of these images (positions) for :func:`~contrastmask.evaluation.coco_match.match`, as ``loadRes``
    would prepare them: areas are those of the masks (kind ``mask``) or of the boxes (``box``)."""
    detections: list[dict[str, Any]] = []
    for position in images.tolist():
        prediction = by_image.get(position)
        if prediction is None or len(prediction["scores"]) == 0:
            continue
        if kind == "mask":
            shapes = [{"segmentation": rle} for rle in _at_size(prediction["rles"], truth.sizes[position])]
            areas = coco_mask.area(prediction["rles"]).astype(float).tolist()
        else:
            sides = xywh(prediction["boxes"])
            shapes = [{"bbox": side} for side in sides.tolist()]
            areas = (sides[:, 2] * sides[:, 3]).tolist()
        columns = (shapes, areas, places[prediction["labels"]].tolist(), prediction["scores"].tolist())
        for shape, area, place, score in zip(*columns, strict=True):
            if place >= 0:
                shape |= {"id": len(detections) + 1, "image_id": position + 1, "category_id": place + 1}
                shape |= {"score": score, "area": area, "iscrowd": 0}
                detections.append(shape)
    return detections


def _at_size(rles: list[dict[str, Any]], size: tuple[int, int] | None) -> list[dict[str, Any]]:
    """Masks of another size than their image's overlap nothing, for COCOeval; the other package reads astray there."""
    wanted = None if size is None else list(size)
    return [rle if list(rle["size"]) == wanted else blank(size or (1, 1)) for rle in rles]


def to_coco_results(
    predictions: Iterable[Prediction], classes: Sequence[Category], truth: Truth, kind: str
) -> list[dict[str, Any]]:
    """Detections as COCO's results files have them: ``segmentation`` (kind ``mask``) or ``bbox`` (``box``: xywh in
    original image pixels), not both.

    ``COCO.loadRes`` takes the box's area for that of the mask where an entry has both. Entry i of one kind is the same
    detection as entry i of the other. Detections of classes that the file lacks are left out.
    """
    places = places_of(classes, truth).tolist()
    results = []
    for prediction in predictions:
        labels, scores = as_array(prediction["labels"]).tolist(), as_array(prediction["scores"]).tolist()
        if kind == "mask":
            key, shapes = "segmentation", prediction["rles"]
        else:
            key, shapes = "bbox", xywh(as_array(prediction["boxes"]).reshape(-1, 4)).tolist()
        for label, score, shape in zip(labels, scores, shapes, strict=True):
            if places[label] >= 0:
                about = {
                    "image_id": truth.own(prediction["image_id"]),
                    "category_id": truth.categories[places[label]].id,
                }
                results.append({**about, "score": score, key: shape})
    return results


def xywh(boxes: np.ndarray) -> np.ndarray:
    """float64 ``[D, 4]`` from xyxy."""
    sides = boxes.astype(np.float64)
    sides[:, 2:] -= sides[:, :2]
    return sides


def as_array(values: Any) -> np.ndarray:
    """On the host."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
