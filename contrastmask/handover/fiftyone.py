"""FiftyOne: a COCO file whose rows have ``score``.

FiftyOne keeps of a mask what lies in its box, in whole pixels. The file's boxes can cut pixels off, so an object gets
the box of its mask, and the file's own as the attribute ``given_bbox``; ``fiftyone.boxes=given`` leaves it as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from contrastmask.data.annotations.predicted import PREDICTED
from contrastmask.files.whole_file import write_whole
from contrastmask.handover.account import Account
from contrastmask.handover.coco_rows import category_rows, coco_row, image_row
from contrastmask.handover.options import ExportOptions
from contrastmask.handover.source import Object, Source

# what FiftyOne's labels and importer call their own: an attribute of such a name ends the import, or is lost
_TAKEN = {
    *("id", "image_id", "category_id", "bbox", "segmentation", "keypoints", "score", "area", "iscrowd", "attributes"),
    *("label", "bounding_box", "mask", "mask_path", "confidence", "index", "tags", "coco_id", "supercategory"),
}
# Of a place in pixels FiftyOne keeps the share of the side and, drawing, cuts the fraction off what it gets back: of
# 29.999999999999996 a whole pixel. So boxes begin this much later.
_LATER = 1e-3


def write_fiftyone(source: Source, folder: Path, options: ExportOptions, account: Account) -> None:
    """Write ``labels.json``."""
    categories, _ = category_rows(source)
    images, rows = [], []
    for picture in source.pictures():
        images.append(image_row(picture, source.records.inner_name(picture.place)))
        for thing in picture.objects:
            row = coco_row(thing, picture.id, categories[thing.label]["id"], masks=options.masks)
            if thing.segmentation is not None:
                row[PREDICTED] = thing.predicted
                if options.fiftyone.boxes == "mask":
                    _box_of_mask(row, thing, account)
            rows.append(row | _attributes(thing, account))
            account.written += 1
    content = {"info": {}, "images": images, "annotations": rows, "categories": categories}
    write_whole(folder / "labels.json", json.dumps(content))


def _box_of_mask(row: dict[str, Any], thing: Object, account: Account) -> None:
    x, y, w, h = coco_mask.toBbox(thing.runs).tolist()
    row["bbox"] = [x + _LATER, y + _LATER, w, h]
    if [x, y, w, h] != thing.bbox:
        row["given_bbox"] = thing.bbox
        account.changed["boxes of masks in place of the file's, which are kept as given_bbox"] += 1


def _attributes(thing: Object, account: Account) -> dict[str, Any]:
    kept = {}
    for name, value in thing.attributes.items():
        if name in _TAKEN or set(name) & set(".\0") or name[:1] in "_$" or not isinstance(value, (str, int, float)):
            account.changed[f"attribute {name} left out: its name or value is none that FiftyOne takes"] += 1
        else:
            kept[name] = value
    return kept
