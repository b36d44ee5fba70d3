"""What is handed over: every row of a file that can be used, image by image, in the terms that all tools share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.completion.completed_file import CONFIDENCE
from contrastmask.completion.polygons import polygons_of_runs
from contrastmask.completion.source_file import SourceFile
from contrastmask.data.annotations.crowds import look_like_objects
from contrastmask.data.annotations.load import load_with_losses
from contrastmask.data.annotations.predicted import PREDICTED
from contrastmask.data.annotations.turned import ANGLE, upright_boxes
from contrastmask.data.columns import quadruples
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.handover.account import CROWD, PAINTED


@dataclass(frozen=True)
class Object:
    """One row of the file.

    Attributes:
        id: the annotation's; place: in the file's list, from 0. label: in 0..K-1; name: of the class.
        bbox: xywh in image pixels, as the file has it; size: (H, W) of the image.
        segmentation: checked polygons or run lengths; None without a mask.
        crowd, predicted: a crowd region; a model made the mask. confidence: 0..1 where the file tells.
        attributes: what the row has under ``attributes`` and holds for ``bbox``; row: all of it.
    """

    id: int
    place: int
    label: int
    name: str
    bbox: list[float]
    size: tuple[int, int]
    segmentation: list[list[float]] | dict[str, Any] | None
    crowd: bool
    predicted: bool
    confidence: float | None
    attributes: dict[str, Any]
    row: dict[str, Any]

    @cached_property
    def runs(self) -> dict[str, Any]:
        """The mask as compressed run lengths; an object without one has none."""
        if isinstance(self.segmentation, dict):
            return self.segmentation
        found = coco_mask.merge(coco_mask.frPyObjects(self.segmentation, *self.size))
        return {"size": list(self.size), "counts": found["counts"].decode("ascii")}

    @property
    def polygons(self) -> list[list[float]]:
        """The mask as polygons: the file's own, or along the pixels' edges with the same pixels."""
        return self.segmentation if isinstance(self.segmentation, list) else polygons_of_runs(self.runs)

    @property
    def polygons_inside(self) -> list[list[float]]:
        """:attr:`polygons` without corners outside the image, where a person may have drawn; the same pixels."""
        polygons, (height, width) = self.polygons, self.size
        for polygon in polygons:
            if min(polygon) < 0 or max(polygon[::2]) > width or max(polygon[1::2]) > height:
                return polygons_of_runs(self.runs)
        return polygons


@dataclass(frozen=True)
class Picture:
    """One image and its objects. ``place``: in the file's list; ``name``: as the file has it."""

    id: int
    place: int
    name: str
    height: int
    width: int
    objects: list[Object]


class Source:
    """An annotation file to be handed over.

    Attributes:
        records: as read. crowd: what a crowd region of this file is called where it is left out.
        left_out: why a row cannot be used → ids of such rows (None where a row has no id).
        count: rows of the file.

    Raises:
        DataError: the file cannot be used.
    """

    def __init__(self, path: Path, images: Path, reading: Reading) -> None:
        source = SourceFile(path)
        self.records, gone = load_with_losses(path, images, reading)
        self.crowd = PAINTED if look_like_objects(self.records.report) else CROWD
        self._rows = source.rows()
        self.count = len(self._rows)
        self.left_out = {f"unusable: {reason}": [_id(self._rows[p]) for p in places] for reason, places in gone.items()}

    def pictures(self) -> Iterator[Picture]:
        """Every image of the file, those without objects too."""
        records = self.records
        for i, (id_, height, width) in enumerate(
            zip(records.image_ids.tolist(), records.heights.tolist(), records.widths.tolist(), strict=True)
        ):
            inside = range(int(records.offsets[i]), int(records.offsets[i + 1]))
            objects = [_object(records, self._rows, a, (height, width)) for a in inside]
            yield Picture(id_, i, records.file_name(i), height, width, objects)


def _id(row: Any) -> Any:
    return row.get("id") if isinstance(row, dict) else None


def _object(records: Records, rows: list[Any], a: int, size: tuple[int, int]) -> Object:
    place, label = int(records.rows[a]), int(records.labels[a])
    row = rows[place]
    attributes = row.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    own = quadruples([row.get("bbox")])[0]
    bbox = _own_box(own, records.boxes[a], size)
    left_out = {PREDICTED, CONFIDENCE}
    if not np.array_equal(bbox, own) and upright_boxes(own[None], [attributes])[1][0]:
        left_out.add(ANGLE)  # it would turn the upright box that stands in place of the turned one
    return Object(
        int(records.ann_ids[a]),
        place,
        label,
        records.class_names[label],
        bbox,
        size,
        records.segmentation(a) if records.has_mask[a] else None,
        bool(records.crowd[a]),
        bool(records.predicted[a]),
        _confidence(row, attributes),
        {name: value for name, value in attributes.items() if name not in left_out},
        row,
    )


def _own_box(own: np.ndarray, read: np.ndarray, size: tuple[int, int]) -> list[float]:
    """The file's box, with all its digits and what of it lies outside the image, unless it was read as another one."""
    left, top, right, bottom = read.astype(float).tolist()
    x, y, w, h = own.tolist()
    inside = (max(x, 0), max(y, 0), min(x + w, size[1]), min(y + h, size[0]))
    if np.allclose(inside, (left, top, right, bottom), atol=0.01):  # NaN is close to nothing
        return [x, y, w, h]
    return [left, top, right - left, bottom - top]


def _confidence(row: dict[str, Any], attributes: dict[str, Any]) -> float | None:
    for value in (row.get(CONFIDENCE), attributes.get(CONFIDENCE), row.get("score")):
        if isinstance(value, str):  # CVAT's attributes are texts
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None
