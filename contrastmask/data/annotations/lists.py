"""The lists of an annotation file: images, categories, and annotations as columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from contrastmask.data.annotations.other_formats import other_format
from contrastmask.data.annotations.row_table import RowTable
from contrastmask.data.annotations.slim_rows import slim
from contrastmask.data.file_content import REFUSED, parse_json, quickly, read_content
from contrastmask.errors import DataError


class _File(msgspec.Struct):
    images: Any
    annotations: list[msgspec.Raw]
    categories: Any


def read_lists(path: Path) -> dict[str, list[Any] | RowTable]:
    """The three lists that every annotation file has.

    Raises:
        DataError: missing file; not JSON; another format; a list is missing; no images or categories.
    """
    content = _parse(path)
    refuse_other_formats(path, content)
    if type(content) is not dict:
        raise DataError(
            f"{path} is no COCO annotation file: its top level is a {type(content).__name__}, not an object"
        )
    result = {}
    for key in ("images", "annotations", "categories"):
        if type(content.get(key)) not in (list, RowTable):
            raise DataError(
                f"{path} is no COCO instance annotation file: {key!r} is "
                f"{'no list' if key in content else 'missing'}; it has {', '.join(sorted(content)[:8]) or 'no keys'}"
            )
        result[key] = content[key]
    for key in ("images", "categories"):
        if not result[key]:
            raise DataError(f"{path}: {key!r} is empty; the file describes no data")
    return result


def refuse_other_formats(path: Path, content: Any) -> None:
    """Raise a DataError that names what a file is, where it is known and not COCO's."""
    if known := other_format(content):
        raise DataError(f"{path} is no COCO annotation file: {known}")


def _parse(path: Path) -> Any:
    """The file's content; its annotations as columns, where it has a list of objects there."""
    content = read_content(path)
    try:
        parts = quickly(content, _File)
        refuse_other_formats(path, {"annotations": [quickly(row) for row in parts.annotations[:1]]})
        return {"images": parts.images, "categories": parts.categories, "annotations": RowTable(parts.annotations)}
    except REFUSED:
        return parse_json(path, content, object_hook=slim)
