"""The images that a COCO-format file lists, annotated or not: COCO's own test files have no annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.annotations.categories import read_categories
from contrastmask.data.annotations.image_table import read_images
from contrastmask.data.annotations.lists import refuse_other_formats
from contrastmask.data.annotations.references import count_references
from contrastmask.data.file_content import read_json, require_folder
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Category
from contrastmask.data.report import Report
from contrastmask.errors import DataError


@dataclass(frozen=True)
class ListedImage:
    """An image as the file lists it: id, `file_name`, and height and width in pixels."""

    id: int
    file_name: str
    size: tuple[int, int]


def read_image_list(
    path: Path, image_root: Path, rules: ImageRules = PLAIN
) -> tuple[list[ListedImage], tuple[Category, ...]]:
    """The images of a file, in its order, and its categories, sorted by id; none where it has none.

    Annotations are not looked at.

    Raises:
        DataError: missing file or folder, no JSON, no list of images, or faulty rows in it.
    """
    content = read_json(path)
    rows = content.get("images") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows:
        refuse_other_formats(path, content)
        raise DataError(f"{path} lists no images: a COCO-format file has a list `images`")
    require_folder(image_root)
    faults = Report()
    columns = read_images(rows, image_root, faults, Report(), Reading(**vars(rules))).columns
    if faults:
        found = "\n".join("  " + line.split(": ", 1)[1] for line in faults.lines())
        raise DataError(f"{path} is not consistent:\n{found}\nMend the file, or predict on the folder of its images")
    sizes = zip(columns["heights"].tolist(), columns["widths"].tolist(), strict=True)
    ids = columns["image_ids"].tolist()
    images = [ListedImage(ids[i], _name(columns, i), size) for i, size in enumerate(sizes)]
    listed: list[Any] = content.get("categories") or []
    if not listed:
        return images, ()
    return images, read_categories(path, listed, AS_IT_IS, count_references([], text=False), Report())[0]


def _name(columns: dict[str, np.ndarray], image: int) -> str:
    start, end = columns["name_offsets"][image : image + 2]
    return columns["names"][start:end].tobytes().decode("utf-8", "surrogateescape")
