"""Reading the truth of an evaluation: the rows of the annotation file as they lie on the disk, not the checked records.

What COCOeval (pycocotools 2.0) does with odd rows is followed to the letter; where it stops, a rule of ``rules`` says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotations.keys import read_keys
from contrastmask.data.annotations.lists import refuse_other_formats
from contrastmask.data.annotations.predicted import PREDICTED, predicted_rows
from contrastmask.data.file_content import no_garbage_collection, read_json
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Category
from contrastmask.errors import DataError
from contrastmask.evaluation.rules import Tally
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_masks import Size, parse, runs_add_up
from contrastmask.evaluation.truth_rows import area_of, box_of, crowd_of, find_rows, rows_by_id, size_of

GREATEST_AREA = 1e10  # of COCOeval's range "all"
LISTS = ("images", "annotations", "categories")


def read_truth(path: str | Path, reading: Reading = AS_IT_IS, sizes: Mapping[Any, Size] | None = None) -> Truth:
    """The objects of an annotation file, to judge detections by.

    Args:
        path: JSON with ``images``, ``annotations`` and ``categories``.
        reading: what a person has said of the file; masks that are predictions are never truth, whatever it says.
        sizes: image id → (height, width), for images to which the file gives none.

    Raises:
        DataError: no such file; not JSON; one of the three lists is missing.
    """
    path = Path(path)
    with no_garbage_collection():
        content = read_json(path)
        refuse_other_formats(path, content)
        lists = [content.get(key) if type(content) is dict else None for key in LISTS]
        if not all(type(rows) is list for rows in lists):
            raise DataError(f"{path} is no COCO instance annotation file: it needs the lists {', '.join(LISTS)}")
        return _read(path, *lists, reading, sizes or {})


def _read(
    path: Path, images: list, annotations: list, categories: list, reading: Reading, sizes: Mapping[Any, Size]
) -> Truth:
    left_out = Tally()
    by_image, by_category = rows_by_id(images, left_out), rows_by_id(categories)
    found = find_rows(annotations, list(by_image), list(by_category), left_out)
    own = [size_of(row) for row in by_image.values()]
    drawings = [parse(row.get("segmentation")) for row in found.rows]
    boxes, has_box = _column(found.rows, box_of, np.full(4, np.nan))
    areas, has_area = _column(found.rows, area_of, np.nan)
    crowds, has_crowd = _column(found.rows, crowd_of, (False, False))
    crowd, ignored = crowds.reshape(-1, 2).astype(bool).T
    as_object = ignored & (reading.crowd == "object")
    crowd, ignored = crowd & ~as_object, ignored & ~as_object
    sizeless = np.array(
        [size is None and image_id in sizes for size, image_id in zip(own, by_image, strict=True)], dtype=bool
    )
    marks = {
        "no_id": found.no_id,
        "repeated_id": found.repeated,
        "zero_id": found.zero_id,
        "crowd_as_object": as_object,
        "ignore": np.array([bool(row.get("ignore")) for row in found.rows], dtype=bool) & ~ignored,
        "crowd": crowd,
        "odd_crowd": ignored & ~crowd,
        "no_crowd": ~has_crowd,
        "odd_area": has_area & ((areas < 0) | (areas > GREATEST_AREA)),
        "no_area": ~has_area & ~ignored,  # of what is ignored COCOeval does not look at it
        "size_of_picture": sizeless[found.images],
    }
    return Truth(
        path=path,
        sha256=_sha256(path),
        categories=tuple(Category(number, _name(number, row)) for number, row in by_category.items()),
        image_ids=tuple(by_image),
        sizes=tuple(size or sizes.get(image_id) for size, image_id in zip(own, by_image, strict=True)),
        annotations=len(annotations),
        sources=found.sources,
        images=found.images,
        places=found.places,
        names=found.names,
        boxes=boxes.reshape(-1, 4),
        has_box=has_box,
        areas=areas,
        has_area=has_area,
        crowd=crowd,
        ignored=ignored,
        zero_id=found.zero_id,
        predicted=predicted_rows(
            [row.get(PREDICTED) for row in found.rows], [row.get("attributes") for row in found.rows]
        ),
        drawings=drawings,
        adds_up=runs_add_up(drawings),
        marks=marks,
        left_out=left_out,
        numbers=_numbers(images) if reading.repair else {},
        rectangles=reading.rectangles == "mask",
        holes=reading.nested == "hole",
    )


def _column(
    rows: Sequence[dict[str, Any]], read: Callable[[dict[str, Any]], Any], lacking: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Values float64 ``[R, …]`` and has bool ``[R]``."""
    values = [read(row) for row in rows]
    has = np.array([value is not None for value in values], dtype=bool)
    return np.array([lacking if value is None else value for value in values], dtype=np.float64), has


def _numbers(images: Sequence[Any]) -> dict[int, Any]:
    """Whole numbers that the checked records have for ids that are text."""
    ids = [row.get("id") if type(row) is dict else None for row in images]
    keys = read_keys(ids, text=True)
    return {int(keys.ids[i]): ids[i] for i in np.flatnonzero(keys.as_text).tolist()}


def _name(number: Any, row: dict[str, Any]) -> str:
    return row["name"] if type(row.get("name")) is str else f"category {number}"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 24):
            digest.update(part)
    return digest.hexdigest()
