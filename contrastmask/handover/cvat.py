"""CVAT: a file to upload as "COCO 1.0", and the labels with the attributes that it needs.

CVAT keeps of a row its shape, its class, ``occluded`` and such attributes as its label has been given; ids it gives
out anew. So id, mark and confidence go as attributes, and ``labels.json`` is what CVAT's raw label editor takes. No
label has an attribute ``is_crowd``: CVAT's export would turn every mask into polygons and fill its holes.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from contrastmask.completion.completed_file import CONFIDENCE
from contrastmask.data.annotations.predicted import PREDICTED
from contrastmask.data.images.places import parts_of
from contrastmask.errors import DataError
from contrastmask.files.whole_file import write_whole
from contrastmask.handover.account import Account
from contrastmask.handover.coco_rows import category_rows, coco_row, image_row
from contrastmask.handover.options import ExportOptions
from contrastmask.handover.source import Object, Source

ID = "annotation_id"
# CVAT's own words, which are no attributes of a label
_NATIVE = ("occluded", "rotation", "track_id", "keyframe", "outside", "source")
_NEVER = ("is_crowd", "score")


def write_cvat(source: Source, folder: Path, options: ExportOptions, account: Account) -> None:
    """Write ``annotations/instances_default.json`` and ``labels.json``.

    Raises:
        DataError: two images have one name but for its ending, which the reader tells apart by nothing else.
    """
    categories, anew = category_rows(source)
    if anew:
        account.changed["class ids numbered from 1, as 0 is no class there"] += len(categories)
    images, rows, stems = [], [], {}
    declared: dict[int, dict[str, bool]] = {}
    for picture in source.pictures():
        name = PurePosixPath(*parts_of(source.records.inner_name(picture.place)))
        if (stem := name.with_suffix("")) in stems:
            raise DataError(f"images {stems[stem]} and {picture.name} have one name but for the ending, and CVAT's "
                            "reader takes one of them; rename it")  # fmt: skip
        stems[stem] = picture.name
        images.append(image_row(picture, str(name)))
        for thing in picture.objects:
            row = coco_row(thing, picture.id, categories[thing.label]["id"], masks=options.masks)
            row.pop("score", None)  # the same as the attribute
            row["attributes"] = _attributes(thing, account)
            rows.append(row)
            account.written += 1
            _declare(declared.setdefault(thing.label, {}), row["attributes"])
    content = {"info": {}, "licenses": [], "images": images, "annotations": rows, "categories": categories}
    write_whole(folder / "annotations" / "instances_default.json", json.dumps(content))
    labels = [_label(category["name"], declared.get(n, {})) for n, category in enumerate(categories)]
    write_whole(folder / "labels.json", json.dumps(labels, indent=1, ensure_ascii=False) + "\n")


def _attributes(thing: Object, account: Account) -> dict[str, Any]:
    kept: dict[str, Any] = {"occluded": False}
    for name, value in thing.attributes.items():
        if isinstance(value, (str, int, float)) and name not in _NEVER:
            kept[name] = value
        elif name not in _NEVER:
            account.changed[f"attribute {name} left out: CVAT's values are texts, numbers or flags"] += 1
    kept[ID] = str(thing.id)
    if thing.segmentation is not None:
        kept[PREDICTED] = thing.predicted
        if thing.confidence is not None:
            kept[CONFIDENCE] = str(thing.confidence)
    return kept


def _declare(known: dict[str, bool], attributes: dict[str, Any]) -> None:
    """Note of each attribute whether all of its values are flags."""
    for name, value in attributes.items():
        if name not in _NATIVE:
            known[name] = known.get(name, True) and isinstance(value, bool)


def _label(name: str, declared: dict[str, bool]) -> dict[str, Any]:
    attributes = [
        {
            "name": attribute,
            "mutable": False,
            "input_type": "checkbox" if flag else "text",
            "default_value": "false" if flag else "",
            "values": ["false"] if flag else [""],
        }
        for attribute, flag in {ID: False, PREDICTED: True, CONFIDENCE: False, **declared}.items()
    ]
    return {"name": name, "type": "any", "attributes": attributes}
