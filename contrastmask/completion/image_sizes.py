"""Sizes of the images whose masks are new, in the file's own rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contrastmask.data.records import Records


def settle_sizes(rows: list[Any], records: Records, images: Iterable[int]) -> int:
    """Give an image's row the size of its new masks where it says another, in place; how many there were.

    There are none but by ``data.repair`` and ``data.exif=apply``, which take a size from the picture: masks of one size
    in an image of another would be misread by every other program.

    Args:
        rows: the file's list ``images``. images: positions in the records.
    """
    sizes = {records.file_name(i): (int(records.heights[i]), int(records.widths[i])) for i in images}
    changed = 0
    for row in rows:
        size = sizes.get(row.get("file_name")) if type(row) is dict else None
        if size is not None and (row.get("height"), row.get("width")) != size:
            row["height"], row["width"] = size
            changed += 1
    return changed
