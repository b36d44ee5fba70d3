"""A data set with one of everything that hands over badly: holes, parts, odd boxes, a crowd, a box alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

H, W = 48, 70
NAMES = ["dog & cat", 'a "b" <c>', "kite"]
WHOLE, OVER, PARTS, RING, TWO, EDGE, BOX, CROWD, NOISE = 11, 12, 13, 14, 15, 16, 17, 18, 19
POLYGON = [[5.5, 4.25, 30.0, 6.0, 22.0, 20.5, 7.0, 18.0]]


@dataclass(frozen=True)
class Scene:
    """``annotations``: the file; ``images``: the folder; ``masks``: annotation id → bool [H, W] of its image."""

    annotations: Path
    images: Path
    content: dict[str, Any]
    masks: dict[int, np.ndarray]


def runs_of(mask: np.ndarray) -> dict[str, Any]:
    """Compressed run lengths."""
    found = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": found["counts"].decode()}


def drawn(segmentation: Any, size: tuple[int, int] = (H, W)) -> np.ndarray:
    """A COCO segmentation's pixels, bool."""
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, *size))
    elif isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, *segmentation["size"])
    return coco_mask.decode(segmentation).astype(bool)


def shapes() -> dict[int, Any]:
    """Segmentations by annotation id."""
    y, x = np.mgrid[:H, :W]
    ring = ((x - 40) ** 2 + (y - 24) ** 2 < 18**2) & ((x - 42) ** 2 + (y - 22) ** 2 > 8**2)
    ring[23:25, 41:44] = True  # an island in the hole
    two = ((x - 15) ** 2 + (y - 30) ** 2 < 10**2) | ((x - 55) ** 2 + (y - 12) ** 2 < 6**2)
    edge = (x > 50) & (y > 30)
    noise = np.random.default_rng(0).random((H, W)) < 0.5
    crowd = (x < 12) & (y > 40)
    parts = [[2.0, 2.0, 14.0, 2.0, 14.0, 12.0], [20.0, 20.0, 33.0, 21.5, 30.0, 31.0, 21.0, 30.0]]
    over = [[40.0, -6.0, 80.0, -6.0, 80.0, 22.0, 44.0, 21.0]]
    masks = {RING: ring, TWO: two, EDGE: edge, NOISE: noise, CROWD: crowd}
    return {WHOLE: POLYGON, OVER: over, PARTS: parts, **{id_: runs_of(mask) for id_, mask in masks.items()}}


def write_scene(folder: Path) -> Scene:
    """Two images, one in a folder of its own, and nine rows: see the names above."""
    (folder / "images" / "sub folder").mkdir(parents=True)
    names = {7: "a+b #1.png", 3: "sub folder/ä.png"}
    for name in names.values():
        Image.new("RGB", (W, H), (90, 120, 60)).save(folder / "images" / name)
    segmentations = shapes()
    masks = {id_: drawn(value) for id_, value in segmentations.items()}
    rows = []
    for id_ in (WHOLE, OVER, PARTS, RING, TWO, EDGE, BOX, CROWD, NOISE):
        value = segmentations.get(id_)
        box = [8.0, 9.0, 20.0, 11.0] if value is None else coco_mask.toBbox(runs_of(masks[id_])).tolist()
        if id_ == RING:
            box = [24.4, 9.3, 30.2, 28.9]  # a person's: it cuts the mask
        row = {"id": id_, "image_id": 7 if id_ < EDGE else 3, "category_id": (5, 9, 2)[id_ % 3], "bbox": box}
        row |= {"iscrowd": int(id_ == CROWD), "area": 1.0, "segmentation": value}
        if id_ in (RING, TWO):
            marks = {"segmentation_predicted": True, "segmentation_confidence": 0.5 + 0.1 * (id_ == RING)}
            row |= {**marks, "attributes": {**marks, "occluded": id_ == TWO, "colour": "red"}}
        rows.append(row)
    images = [{"id": i, "file_name": n, "height": H, "width": W} for i, n in names.items()]
    categories = [{"id": i, "name": n} for i, n in zip((5, 9, 2), NAMES, strict=True)]
    content = {"images": images, "annotations": rows, "categories": categories}
    (folder / "in.json").write_text(json.dumps(content))
    return Scene(folder / "in.json", folder / "images", content, masks)
