"""Rows of a COCO file that are strict: what readers of other tools demand of every one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.handover.source import Object, Picture, Source


def coco_row(thing: Object, image_id: int, category_id: int, *, masks: bool) -> dict[str, Any]:
    """One object: ``segmentation`` is run lengths, polygons, or the empty list, as some readers fail on its absence."""
    mask = thing.segmentation is not None
    segmentation: Any = []
    if mask:  # a crowd region's form is run lengths everywhere
        segmentation = thing.runs if masks or thing.crowd else thing.polygons
    row = {
        "id": thing.id,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": thing.bbox,
        "area": int(coco_mask.area(thing.runs)) if mask else float(np.prod(thing.bbox[2:])),
        "iscrowd": int(thing.crowd),
        "segmentation": segmentation,
    }
    if mask and thing.confidence is not None:
        row["score"] = thing.confidence
    return row


def image_row(picture: Picture, name: str) -> dict[str, Any]:
    """One image."""
    return {"id": picture.id, "file_name": name, "height": picture.height, "width": picture.width}


def category_rows(source: Source) -> tuple[list[dict[str, Any]], bool]:
    """The classes in label order with the file's ids or, where one is below 1, which readers take for "no class",
    numbered from 1; and whether they were."""
    categories = source.records.categories
    anew = any(category.id < 1 for category in categories)
    rows = [
        {"id": number if anew else category.id, "name": category.name, "supercategory": ""}
        for number, category in enumerate(categories, start=1)
    ]
    return rows, anew
