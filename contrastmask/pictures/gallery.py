"""Best, median and worst objects: small pictures in ``RUN/gallery``, and ``gallery.json``.

They are of the novel classes where these have masks, else of all.

An object's IoU is that of its mask with the mask of the detection that found it: of its class, box IoU at least 0.5,
the highest score. Objects that nothing found have no picture; they are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco_mask
from torch import Tensor

from contrastmask.data.batches.dataset import CocoDataset
from contrastmask.data.images.read import read_image_of
from contrastmask.data.records import Records
from contrastmask.evaluation.coco_match import truth_rle
from contrastmask.files.whole_file import write_json
from contrastmask.model.detector import Detector
from contrastmask.pictures.drawing import instance_colour, paint
from contrastmask.pictures.overlays import heat_map, overlay, save_png
from contrastmask.pictures.pairing import BOX_IOU, box_iou

CONTEXT = 0.15  # of the box's sides, shown around it
SIDE = 200  # px of a picture's longer side
MISSED, ADDED, RIGHT = (240, 60, 60), (60, 120, 255), (235, 235, 235)  # colours of the error map


class Found(NamedTuple):
    """An object with a mask and the detection that found it."""

    iou: float  # of the masks, 0..1
    row: int  # image in the records
    annotation: int  # in the records
    prediction: int  # in the list of predictions
    detection: int  # in the prediction


def match_objects(
    records: Records, predictions: Sequence[dict[str, Any]], labels: Sequence[int]
) -> tuple[list[Found], int]:
    """Objects of the classes ``labels`` that were found, best first, and how many were not.

    Objects without a mask and crowds are left out of both.
    """
    position = {int(image_id): row for row, image_id in enumerate(records.image_ids)}
    found, missed = [], 0
    for number, prediction in enumerate(predictions):
        row = position[int(prediction["image_id"])]
        boxes, scores, classes = (np.asarray(prediction[k]) for k in ("boxes", "scores", "labels"))
        for a in range(int(records.offsets[row]), int(records.offsets[row + 1])):
            if records.labels[a] not in labels or records.crowd[a] or not records.has_mask[a]:
                continue
            rivals = np.flatnonzero(classes == records.labels[a])
            rivals = rivals[box_iou(boxes[rivals], records.boxes[a]) >= BOX_IOU]
            if not len(rivals):
                missed += 1
                continue
            chosen = int(rivals[scores[rivals].argmax()])
            overlap = coco_mask.iou([prediction["rles"][chosen]], [truth_rle(records, row, a)], [0])
            found.append(Found(float(overlap[0, 0]), row, a, number, chosen))
    return sorted(found, key=lambda f: (-f.iou, f.annotation)), missed


def choose(found: Sequence[Found], count: int) -> list[tuple[str, Found]]:
    """``count`` of the best, the middle and the worst (fewer where there are fewer), no object twice."""
    best = list(found[:count])
    rest = list(found[count:])
    worst = rest[len(rest) - min(count, len(rest)) :]
    rest = rest[: len(rest) - len(worst)]
    start = max(0, len(found) // 2 - len(best) - count // 2)
    start = min(start, max(0, len(rest) - count))
    middle = rest[start : start + count]
    return [(kind, f) for kind, part in (("best", best), ("median", middle), ("worst", worst)) for f in part]


def write_gallery(
    folder: Path,
    detector: Detector | None,
    dataset: CocoDataset,
    predictions: Sequence[dict[str, Any]],
    novel: Sequence[int],
    *,
    count: int = 4,
) -> None:
    """Write the pictures and ``gallery.json`` into ``folder``.

    Args:
        detector: in eval mode; asked again for the CAMs of the chosen objects only, at their detected boxes. None: no
            CAMs are shown.
        dataset: of the evaluation; predictions: as :func:`contrastmask.evaluation.slices.evaluate` takes them, with
            ``rles``.
        novel: labels of the box-only classes; count: objects of each kind.
    """
    records = dataset.records
    chosen, labels = "novel", set(novel)
    if not (np.isin(records.labels, list(labels)) & records.has_mask & ~records.crowd).any():
        chosen, labels = "all", set(range(len(records.categories)))
    found, missed = match_objects(records, predictions, labels)
    objects = []
    for number, (kind, item) in enumerate(choose(found, count)):
        prediction = predictions[item.prediction]
        pictures = _pictures(records, item, prediction["rles"][item.detection])
        if detector is not None:
            cam, similarity = _explained(detector, dataset, item, prediction)
            pictures["cam"] = heat_map(cam, SIDE)
            if similarity is not None:
                pictures["similarity"] = heat_map(similarity, SIDE)
        files = {name: f"{number:02d}-{name}.png" for name in pictures}
        for name, picture in pictures.items():
            save_png(folder / files[name], picture)
        objects.append(
            {
                "kind": kind,
                "iou": item.iou,
                "class": records.class_names[int(records.labels[item.annotation])],
                "image_id": int(records.image_ids[item.row]),
                "ann_id": int(records.ann_ids[item.annotation]),
                "score": float(prediction["scores"][item.detection]),
                "files": files,
            }
        )
    content = {"classes": chosen, "found": len(found), "missed": missed, "objects": objects}
    write_json(folder / "gallery.json", content)


def _explained(
    detector: Detector, dataset: CocoDataset, item: Found, prediction: dict[str, Any]
) -> tuple[Tensor, Tensor | None]:
    image, target = dataset[item.row]
    (height, width), original = image.shape[-2:], target["original_size"]
    device = detector.mean.device
    scale = torch.tensor([width / original[1], height / original[0]] * 2, device=device)
    box = prediction["boxes"][item.detection].to(device)[None] * scale
    label = prediction["labels"][item.detection].to(device)[None]
    (seen,) = detector.explain([image.to(device)], [box], [label])
    similarity = seen["similarity"]
    return seen["cams"][0].cpu(), None if similarity is None else similarity[0].cpu()


def _pictures(records: Records, item: Found, rle: dict[str, Any]) -> dict[str, Tensor]:
    """Ground truth, prediction and error map around the object, uint8 ``[3, h, w]``."""
    height, width = int(records.heights[item.row]), int(records.widths[item.row])
    image = read_image_of(records, item.row)
    truth = torch.from_numpy(np.ascontiguousarray(records.mask(item.annotation))).bool()
    mask = torch.from_numpy(coco_mask.decode(rle)).bool()
    x0, y0, x1, y1 = records.boxes[item.annotation].tolist()
    dx, dy = CONTEXT * (x1 - x0), CONTEXT * (y1 - y0)
    rows = slice(max(0, int(y0 - dy)), min(height, int(y1 + dy) + 2))
    columns = slice(max(0, int(x0 - dx)), min(width, int(x1 + dx) + 2))
    part, truth, mask = image[:, rows, columns], truth[rows, columns], mask[rows, columns]

    error = (part.float().mean(dim=0, keepdim=True) * 0.35).expand(3, -1, -1).clone()
    for cells, colour in ((truth & mask, RIGHT), (truth & ~mask, MISSED), (mask & ~truth, ADDED)):
        error[:, cells] = torch.tensor(colour, dtype=torch.float32)[:, None]
    plain = overlay(error.to(torch.uint8), [], [], class_names=[], min_side=SIDE)
    return {"truth": _painted(part, truth), "prediction": _painted(part, mask), "error": plain}


def _painted(part: Tensor, bitmap: Tensor) -> Tensor:
    # class name and box are written beside the picture: the crop shows the outline alone
    height, width = bitmap.shape
    side = max(SIDE, height, width)
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    canvas = F.interpolate(part[None].float(), size=size, mode="bilinear", align_corners=False)[0].clamp(0, 255)
    grown = F.interpolate(bitmap[None, None].float(), size=size, mode="bilinear", align_corners=False)[0, 0] >= 0.5
    paint(canvas, grown, instance_colour(1), 2)
    return canvas.to(torch.uint8)
