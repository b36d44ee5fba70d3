"""The image and category tables of an annotation file, and the sieve that its rows pass through."""

from __future__ import annotations

import re
from collections import Counter
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.columns import integers, positions_in, repeats
from contrastmask.data.records import Category, pack_names
from contrastmask.data.report import Report
from contrastmask.errors import DataError

# A side or an area over these is no photograph; the area is where PIL refuses to decode (twice MAX_IMAGE_PIXELS).
MAX_SIDE = 2**20
MAX_PIXELS = 178_956_970
# Most names are like this and need no closer look.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9]+")


class Sieve:
    """Rows of one list of the file, dropped one reason after another; each row counts under its first reason.

    Attributes:
        rows: the JSON objects; {} where a row is none.
        ids: int64 [N], the rows' ids. alive: bool [N].
        report: where reasons are counted; may be exchanged on the way.
    """

    def __init__(self, rows: list[Any], subject: str, report: Report) -> None:
        self.subject, self.report = subject, report
        is_object = np.array([type(row) is dict for row in rows], dtype=bool)
        self.rows = rows if is_object.all() else [row if type(row) is dict else {} for row in rows]
        self.alive = np.ones(len(rows), dtype=bool)
        self.ids, has_id = integers(self.column("id"))
        self._drop_unnamed(~is_object, "that are not objects")
        self._drop_unnamed(~has_id, "without an integer id")

    def column(self, key: str, rows: np.ndarray | None = None) -> list[Any]:
        """One key's values, None where missing; of all rows or of these positions."""
        chosen = self.rows if rows is None else [self.rows[row] for row in rows.tolist()]
        try:
            return list(map(itemgetter(key), chosen))
        except KeyError:
            return [row.get(key) for row in chosen]

    def lacks(self, key: str) -> np.ndarray:
        """bool [N]: the row does not have the key."""
        return np.array([key not in row for row in self.rows], dtype=bool)

    def duplicates(self) -> np.ndarray:
        """bool [N]: a row that is still there has had this id before."""
        result = np.zeros(len(self.ids), dtype=bool)
        result[self.alive] = repeats(self.ids[self.alive])
        return result

    def drop(self, bad: np.ndarray, reason: str) -> None:
        """Drop the rows marked in bool [N] that are still there, and count them."""
        self.report.add("dropped", self.subject, reason, self.ids[bad & self.alive])
        self.alive &= ~bad

    def _drop_unnamed(self, bad: np.ndarray, reason: str) -> None:
        places = [f"row {position}" for position in np.flatnonzero(bad & self.alive).tolist()]
        self.report.add("dropped", self.subject, reason, places)
        self.alive &= ~bad

    def repaired(self, rows: np.ndarray, reason: str) -> None:
        """Count the rows marked in bool [N] that are still there as repaired."""
        self.report.add("repaired", self.subject, reason, self.ids[rows & self.alive])

    @property
    def kept(self) -> np.ndarray:
        """int64 [N'], positions of the rows still there."""
        return np.flatnonzero(self.alive)


class References(Sieve):
    """The annotations' rows, their references looked up.

    Attributes:
        image, label: int64 [N], positions in the tables of images and categories; meaningful where a row is alive.
    """

    image: np.ndarray
    label: np.ndarray


def sift_references(
    rows: list[Any], image_ids: np.ndarray, categories: tuple[Category, ...], faults: Report
) -> References:
    """Drop annotations that are no objects, have no id or one that occurred before, refer to nothing, or lack a box."""
    sieve = References(rows, "annotation", faults)
    sieve.drop(sieve.duplicates(), "whose id occurred before")
    ids, ok = integers(sieve.column("image_id"))
    sieve.image, known = positions_in(image_ids, ids)
    sieve.drop(~(ok & known), "of images that the file does not have")
    ids, ok = integers(sieve.column("category_id"))
    sieve.label, known = positions_in(np.array([category.id for category in categories], dtype=np.int64), ids)
    sieve.drop(~(ok & known), "of categories that the file does not have")
    sieve.drop(sieve.lacks("bbox"), "without bbox")
    return sieve


def read_categories(path: Path, rows: list[Any]) -> tuple[Category, ...]:
    """Categories sorted by id. The label table must be beyond doubt, so nothing is repaired here.

    Raises:
        DataError: a category without integer id or name, or ids or names that occur twice.
    """
    rows = [row if type(row) is dict else {} for row in rows]
    ids, ok = integers([row.get("id") for row in rows])
    names = [row.get("name") for row in rows]
    for position, (is_id, name) in enumerate(zip(ok, names, strict=True)):
        if not is_id or type(name) is not str or not name.strip():
            raise DataError(
                f"{path}: category {position} of the list needs an integer `id` and a `name`; mend the file"
            )
    for what, values in (("id", ids.tolist()), ("name", names)):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise DataError(f"{path}: categories share the {what} {', '.join(map(repr, twice[:5]))}; mend the file")
    return tuple(Category(id_, name) for id_, name in sorted(zip(ids.tolist(), names, strict=True)))


def read_images(rows: list[Any], faults: Report, report: Report) -> dict[str, np.ndarray]:
    """The image columns of `Records`, in the file's order, without the rows counted in `faults`.

    A file listed under several image ids is used and noted in `report`.
    """
    sieve = Sieve(rows, "image", faults)
    sieve.drop(sieve.duplicates(), "whose id occurred before")
    heights, height_ok = integers(sieve.column("height"))
    widths, width_ok = integers(sieve.column("width"))
    sieve.drop(~(height_ok & width_ok) | (heights < 1) | (widths < 1), "without positive integer height and width")
    huge = np.maximum(heights, widths) > MAX_SIDE
    huge |= heights.clip(1, MAX_SIDE) * widths.clip(1, MAX_SIDE) > MAX_PIXELS
    sieve.drop(huge, f"of more than {MAX_PIXELS} pixels")
    names = sieve.column("file_name")
    problems = np.array([name_problem(name) for name in names], dtype=object)
    for problem in sorted(set(problems) - {None}):
        sieve.drop(problems == problem, problem)
    kept = sieve.kept
    encoded = [names[i].encode("utf-8", "surrogateescape") for i in kept]
    again = (
        repeats(np.unique(np.array(encoded, dtype=object), return_inverse=True)[1]) if encoded else np.empty(0, bool)
    )
    report.add("noted", "image", "whose file_name another image has, too", sieve.ids[kept][again])
    blob, offsets = pack_names(encoded)
    return {
        "image_ids": sieve.ids[kept],
        "heights": heights[kept].astype(np.int32),
        "widths": widths[kept].astype(np.int32),
        "names": blob,
        "name_offsets": offsets,
    }


def name_problem(name: Any) -> str | None:
    """Why a `file_name` cannot be a path inside the image folder, as far as its text tells; None if it can.

    Links on disk are `Records.file_path`'s affair.
    """
    if type(name) is str and PLAIN_NAME.fullmatch(name):
        return None
    if type(name) is not str or not name.strip():
        return "without file_name"
    if "\0" in name:
        return "whose file_name has a NUL character"
    if "://" in name or re.match(r"(data|file|https?):", name, re.IGNORECASE):
        return "whose file_name is a URL, not a path inside the image folder"
    # A Windows path must not escape on Windows, nor be read as something else elsewhere.
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "whose file_name is an absolute path, not one inside the image folder"
    if ".." in re.split(r"[/\\]", name):
        return "whose file_name leaves the image folder ('..')"
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "whose file_name is not valid Unicode"
    return None
