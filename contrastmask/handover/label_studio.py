"""Label Studio: tasks with one prediction each, and the labelling configuration that they need.

An object is one region whose id is the annotation's: its mask as a brush (every pixel, holes and parts) or as polygons,
its box only where it has no mask; a box beside a mask would come back as a second object. What Label Studio has no word
for stands in a region's ``meta``, which it keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from contrastmask.data.images.places import parts_of
from contrastmask.files.whole_file import write_whole
from contrastmask.handover.account import Account
from contrastmask.handover.brush import brush_of_runs
from contrastmask.handover.options import ExportOptions
from contrastmask.handover.source import Object, Picture, Source

IMAGE, BRUSH, POLYGON, BOX = "image", "brush", "polygon", "box"
_QUOTED = ("http://", "https://", "/")  # names in other addresses, such as s3://, are taken as they are


def write_label_studio(source: Source, folder: Path, options: ExportOptions, account: Account) -> None:
    """Write ``tasks.json`` and ``label_config.xml``."""
    tasks = [_task(picture, source, options, account) for picture in source.pictures()]
    write_whole(folder / "tasks.json", json.dumps(tasks))
    write_whole(folder / "label_config.xml", label_config(source.records.class_names, masks=options.masks))


def label_config(names: list[str], *, masks: bool) -> str:
    """The labelling configuration: the classes for masks and for boxes."""
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in names)
    tag, name = ("BrushLabels", BRUSH) if masks else ("PolygonLabels", POLYGON)
    return (
        f'<View>\n  <Image name="{IMAGE}" value="$image" zoom="true"/>\n'
        f'  <{tag} name="{name}" toName="{IMAGE}">\n{labels}  </{tag}>\n'
        f'  <RectangleLabels name="{BOX}" toName="{IMAGE}">\n{labels}  </RectangleLabels>\n</View>\n'
    )


def _task(picture: Picture, source: Source, options: ExportOptions, account: Account) -> dict[str, Any]:
    regions, scores = [], []
    for thing in picture.objects:
        if thing.crowd:
            account.leave(source.crowd, thing.id)
            continue
        regions += _regions(thing, options)
        account.written += 1
        if thing.confidence is not None and thing.segmentation is not None:
            scores.append(thing.confidence)
    # a tab sorted by score begins with the image whose least certain mask is the least certain of all
    score = {"score": min(scores)} if scores else {}
    prediction = {"model_version": "contrastmask", **score, "result": regions}
    url = options.labelstudio.url
    name = "/".join(parts_of(source.records.inner_name(picture.place)))
    return {
        "data": {
            IMAGE: url + (quote(name) if url.startswith(_QUOTED) else name),
            "image_id": picture.id,
            "file_name": picture.name,
        },
        "predictions": [prediction] if regions else [],
    }


def _regions(thing: Object, options: ExportOptions) -> Iterator[dict[str, Any]]:
    height, width = thing.size
    meta = {"annotation_id": thing.id, "bbox": thing.bbox}
    if thing.attributes:
        meta["attributes"] = thing.attributes
    common: dict[str, Any] = {
        "to_name": IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "meta": meta,
    }
    if thing.segmentation is not None:
        meta["segmentation_predicted"] = thing.predicted
        if thing.confidence is not None:
            common["score"] = thing.confidence
    for number, (kind, tag, value) in enumerate(_shapes(thing, options.masks)):
        id_ = str(thing.id) if number == 0 else f"{thing.id}-{number + 1}"
        value[tag] = [thing.name]
        yield {"id": id_, "type": tag, "from_name": kind, "value": value, **common}


def _shapes(thing: Object, masks: bool) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name of the control, its labels' key, value); places are in percent of the image, and inside it."""
    height, width = thing.size
    if thing.segmentation is None:
        x, y, w, h = thing.bbox
        left, right = (100 * min(max(v, 0), width) / width for v in (x, x + w))
        top, bottom = (100 * min(max(v, 0), height) / height for v in (y, y + h))
        box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        yield BOX, "rectanglelabels", {**box, "rotation": 0}
    elif masks:
        yield BRUSH, "brushlabels", {"format": "rle", "rle": brush_of_runs(thing.runs)}
    else:
        for polygon in thing.polygons_inside:
            points = [[100 * x / width, 100 * y / height] for x, y in zip(polygon[::2], polygon[1::2], strict=True)]
            yield POLYGON, "polygonlabels", {"points": points, "closed": True}
