"""A subset of `data=shapes` as files: JPEG images and a JSON with the very fields of COCO's own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from contrastmask.data.shapes.scenes import Scene, SceneObject, SceneSettings, render_scene
from contrastmask.spoken import Pulse

SUBSETS = ("train2017", "val2017")
POLYGON_IOU = 0.95  # polygons that agree less than this with the true mask give way to RLE
_VAL_OFFSET = 500_000  # image ids of both subsets stay apart, as COCO's do
_DATE = "2026-01-01 00:00:00"


def write_subset(root: Path, settings: SceneSettings, number: int, count: int, polygons: float) -> dict[str, Any]:
    """Renders and writes subset `number` (index into SUBSETS) under `root`.

    Args:
        polygons: 0..1, share of the eligible objects that get polygons.

    Returns:
        The subset's facts for the manifest: images, image_bytes, annotations, annotations_sha256.
    """
    subset = SUBSETS[number]
    (root / subset).mkdir(parents=True)
    (root / "annotations").mkdir(exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    size_in_bytes = 0
    pulse = Pulse("drawing", count, "scenes")
    for index in range(count):
        scene = render_scene(settings, number, index)
        image_id = number * _VAL_OFFSET + index + 1
        file = root / subset / f"{image_id:012d}.jpg"
        # 4:4:4 and a high quality: a mask's edge should be lost to its neighbours' colours, not to the codec.
        Image.fromarray(scene.image).save(file, quality=95, subsampling=0)
        size_in_bytes += file.stat().st_size
        images.append(_image_record(file.name, image_id, settings.size))
        # A stream of its own, so that the share of polygons changes no pixel.
        wants = np.random.default_rng([settings.seed, number, index, 1]).random(len(scene.objects)) < polygons
        annotations += _annotation_records(scene, image_id, wants)
        pulse.add()
    categories = [{"supercategory": c.supercategory, "id": c.id, "name": c.name} for c in settings.classes]
    info = {"description": "ContrastMask shapes", "url": "", "version": "1.0", "year": 2026}
    info |= {"contributor": "ContrastMask", "date_created": _DATE[:10].replace("-", "/")}
    licenses = [{"url": "https://www.apache.org/licenses/LICENSE-2.0", "id": 1, "name": "Apache License 2.0"}]
    content = {"info": info, "licenses": licenses, "images": images, "annotations": annotations}
    text = json.dumps({**content, "categories": categories}).encode()
    (root / "annotations" / f"instances_{subset}.json").write_bytes(text)
    facts = {"images": count, "image_bytes": size_in_bytes, "annotations": len(annotations)}
    return {**facts, "annotations_sha256": hashlib.sha256(text).hexdigest()}


def _image_record(file_name: str, image_id: int, size: int) -> dict[str, Any]:
    record = {"license": 1, "file_name": file_name, "coco_url": "", "height": size, "width": size}
    return {**record, "date_captured": _DATE, "flickr_url": "", "id": image_id}


def _annotation_records(scene: Scene, image_id: int, wants_polygons: np.ndarray) -> list[dict[str, Any]]:
    records = []
    for i, (thing, wanted) in enumerate(zip(scene.objects, wants_polygons, strict=True)):
        segmentation, rle = _segmentation(thing, bool(wanted))
        # Area and box come from the mask that a reader decodes, so that box and mask agree to the pixel.
        record = {"segmentation": segmentation, "area": float(coco_mask.area(rle)), "iscrowd": 0, "image_id": image_id}
        box = [float(v) for v in coco_mask.toBbox(rle)]
        records.append({**record, "bbox": box, "category_id": thing.shape.id, "id": image_id * 100 + i})
    return records


def _segmentation(thing: SceneObject, polygons: bool) -> tuple[list[list[float]] | dict[str, Any], dict[str, Any]]:
    """The annotation's segmentation (polygons or compressed RLE) and the RLE that it decodes to."""
    rle = coco_mask.encode(np.asfortranarray(thing.mask, dtype=np.uint8))
    if polygons and thing.polygons:
        height, width = thing.mask.shape
        outline = [np.round(polygon, 2).ravel().tolist() for polygon in thing.polygons]
        traced = coco_mask.merge(coco_mask.frPyObjects(outline, height, width))
        if coco_mask.iou([traced], [rle], [0])[0, 0] > POLYGON_IOU:
            return outline, traced
    return {"size": rle["size"], "counts": rle["counts"].decode("ascii")}, rle
