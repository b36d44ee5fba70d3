"""Which rows of an annotation file COCOeval meets, in which order, and how it takes their values.

It looks rows up by id: of rows that share one, the last stands in the place of each (``COCO.createIndex`` and
``loadAnns``, pycocotools 2.0).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastmask.data.annotations.image_table import MAX_PIXELS, MAX_SIDE
from contrastmask.evaluation.rules import Tally
from contrastmask.evaluation.truth_masks import parse


@dataclass(frozen=True, eq=False)
class Found:
    """R rows, image by image as the images' ids go, then as the file has them.

    Attributes:
        rows: ``[R]``, the JSON objects that count. names: ``[R]``, their ids, or "row N".
        sources: int64 ``[R]``, position of the image under which the row was met. images: int64 ``[R]``, of the image
            that it belongs to: another one only where an id comes again. places: int64 ``[R]``, of its category.
        repeated: bool ``[R]``, it stands in the place of another row of its id.
        no_id: bool ``[R]``, no id that is a number. zero_id: bool ``[R]``, the id is 0.
    """

    rows: list[dict[str, Any]]
    names: list[Any]
    sources: np.ndarray
    images: np.ndarray
    places: np.ndarray
    repeated: np.ndarray
    no_id: np.ndarray
    zero_id: np.ndarray


def find_rows(annotations: list[Any], image_ids: list[Any], category_ids: list[Any], left_out: Tally) -> Found:
    """Look the rows' references up; what has none is counted in ``left_out``.

    Args:
        annotations: the file's list. image_ids, category_ids: of the images and categories, in their order.
    """
    images = {image_id: position for position, image_id in enumerate(image_ids)}
    places = {category_id: place for place, category_id in enumerate(category_ids)}
    # per row that can count: its key, name, image and category
    known: dict[int, tuple[Any, Any, int, int]] = {}
    last: dict[Any, int] = {}
    met: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(annotations):
        name, key = f"row {number}", ("row", number)
        if type(row) is not dict:
            left_out.add("not_a_row", name)
            continue
        if "id" in row and _hashable(row["id"]):
            key = name = row["id"]
        last[key] = number
        image = _look_up(row, "image_id", images, name, ("no_image", "unknown_image"), left_out)
        place = _look_up(row, "category_id", places, name, ("no_category", "unknown_category"), left_out)
        if image is not None and place is not None:
            known[number] = key, name, image, place
            met[image].append(number)

    chosen = []
    for source in range(len(image_ids)):
        for number in met[source]:
            counted = last[known[number][0]]
            if counted in known:
                chosen.append((source, number, counted))
            else:
                left_out.add("repeated_lost", known[number][1])
                last_row = annotations[counted]  # which COCOeval tries to draw
                if last_row.get("image_id") not in images or parse(last_row.get("segmentation")) is None:
                    left_out.add("repeated_image", known[number][1])
    keys = [known[counted][0] for _, _, counted in chosen]
    return Found(
        rows=[annotations[counted] for _, _, counted in chosen],
        names=[known[counted][1] for _, _, counted in chosen],
        sources=np.array([source for source, _, _ in chosen], dtype=np.int64),
        images=np.array([known[counted][2] for _, _, counted in chosen], dtype=np.int64),
        places=np.array([known[counted][3] for _, _, counted in chosen], dtype=np.int64),
        repeated=np.array([counted != number for _, number, counted in chosen], dtype=bool),
        no_id=np.array([_as_number(key) is None for key in keys], dtype=bool),
        zero_id=np.array([_as_number(key) == 0 for key in keys], dtype=bool),
    )


def _look_up(
    row: dict[str, Any], key: str, table: dict[Any, int], name: Any, rules: tuple[str, str], left_out: Tally
) -> int | None:
    if key not in row or not _hashable(row[key]):
        left_out.add(rules[0], name)
        return None
    found = table.get(row[key])
    if found is None:
        left_out.add(rules[1], name)
    return found


def _as_number(key: Any) -> float | None:
    """What COCOeval's array of matches makes of an id; NaN of null."""
    try:
        return math.nan if key is None else float(key)
    except (TypeError, ValueError):
        return None
    except OverflowError:
        return math.inf


def rows_by_id(rows: list[Any], left_out: Tally | None = None) -> dict[Any, dict[str, Any]]:
    """The last row of each id, sorted by id; what has none that the others can be compared with is counted."""
    found = {}
    for number, row in enumerate(rows):
        if type(row) is dict and "id" in row and _hashable(row["id"]):
            found[row["id"]] = row
        elif left_out is not None:
            left_out.add("image_no_id", f"row {number}")
    try:
        return dict(sorted(found.items(), key=lambda item: item[0]))
    except TypeError:
        pass
    numbers = {key: row for key, row in found.items() if isinstance(key, (int, float))}
    if left_out is not None:
        left_out.update({"image_no_id": [key for key in found if key not in numbers]})
    return dict(sorted(numbers.items(), key=lambda item: item[0]))


def box_of(row: dict[str, Any]) -> np.ndarray | None:
    """float64 ``[4]`` xywh as numpy reads a ``bbox``; None where COCOeval would stop."""
    value = row.get("bbox")
    if type(value) is not list or len(value) != 4:
        return None
    try:
        box = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return box if box.shape == (4,) else None


def area_of(row: dict[str, Any]) -> float | None:
    """``area``, None where it is no number."""
    value = row.get("area")
    if not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def crowd_of(row: dict[str, Any]) -> tuple[bool, bool] | None:
    """(a region, neither right nor wrong) as COCOeval takes ``iscrowd``: as a whole number for the one, as true or
    false for the other, so that "0" is ignored and no region. None where it would stop."""
    value = row.get("iscrowd")
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return (number > 0, bool(value)) if 0 <= number <= 255 else None


def size_of(row: dict[str, Any]) -> tuple[int, int] | None:
    """(height, width) of an image's row, None where nothing can be drawn at it."""
    sides = [row.get("height"), row.get("width")]
    if not all(isinstance(side, (int, float)) and 1 <= side <= MAX_SIDE for side in sides):
        return None
    height, width = map(int, sides)
    return (height, width) if height * width <= MAX_PIXELS else None


def _hashable(value: Any) -> bool:
    return not isinstance(value, (list, dict))
