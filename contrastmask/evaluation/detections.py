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
from contrastmask.evaluation.instances import Instances
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
        scores, labels = (as_array(prediction[key]) for key in ("scores", "labels"))
        boxes = _sides(prediction) if "box" in kinds else np.zeros((0, 4))
        lengths = {len(scores), len(labels), *([len(boxes)] if "box" in kinds else [])}
        if len(lengths | ({len(prediction["rles"])} if "mask" in kinds else set())) > 1:
            raise DataError(f"image {image_id}: boxes, scores, labels and rles of a prediction differ in length")
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise DataError(f"image {image_id}: a predicted box or score is not finite")
        if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            raise DataError(f"image {image_id}: predicted labels must be in 0..{classes - 1}")
        found[position] = {**prediction, "scores": scores, "labels": labels, "xywh": boxes}
    return found


def _sides(prediction: Prediction) -> np.ndarray:
    """xywh float64 ``[D, 4]``: as the prediction has them, where it comes from a file, else from its boxes."""
    if "xywh" in prediction:
        return prediction["xywh"]
    return xywh(as_array(prediction["boxes"]).reshape(-1, 4))


def as_instances(
    by_image: dict[int, Prediction], images: np.ndarray, places: np.ndarray, truth: Truth, kind: str
) -> Instances:
    """Detections of these images (positions) for :func:`~contrastmask.evaluation.coco_match.match`, as ``loadRes``
    would prepare them: areas are those of the masks (kind ``mask``) or of the boxes (``box``)."""
    seen = [(number, p) for number, p in enumerate(images.tolist()) if p in by_image and len(by_image[p]["scores"])]
    predictions = [by_image[position] for _, position in seen]
    place = places[_joined([p["labels"] for p in predictions], np.int64)]
    known = np.flatnonzero(place >= 0)
    if kind == "mask":
        # the package's C code decodes every string: once for all of an image
        areas = _joined([coco_mask.area(p["rles"]) for p in predictions], np.float64)
        rles = [rle for _, position in seen for rle in _at_size(by_image[position]["rles"], truth.sizes[position])]
        shapes = rles if len(known) == len(rles) else [rles[row] for row in known.tolist()]
    else:
        shapes = _joined([p["xywh"] for p in predictions], np.float64).reshape(-1, 4)
        areas = shapes[:, 2] * shapes[:, 3]
        shapes = shapes[known]
    none = np.zeros(len(known), dtype=bool)
    return Instances(
        images=np.repeat([number for number, _ in seen], [len(p["scores"]) for p in predictions]).astype(np.int64)[
            known
        ],
        places=place[known],
        shapes=shapes,
        areas=areas[known],
        crowd=none,
        zero_id=none,
        scores=_joined([p["scores"] for p in predictions], np.float64)[known],
    )


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=kind), *(part.reshape(-1) for part in parts)]).astype(kind, copy=False)


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
