"""What the annotations of a file refer to: rows without id, image or class are found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from contrastmask.data.annotations.image_table import ImageTable
from contrastmask.data.annotations.keys import READS_TEXT, Keys, free_ids, read_keys, read_references
from contrastmask.data.annotations.row_table import Column, RowTable
from contrastmask.data.annotations.sieve import Sieve
from contrastmask.data.columns import positions_in
from contrastmask.data.records import Category
from contrastmask.data.report import Report


class References(Sieve):
    """The annotations' rows, their references looked up.

    Attributes:
        image: int64 [N], position in the table of images; meaningful where a row is alive, as `label` is.
    """

    image: np.ndarray

    def narrow(self) -> None:
        """As `Sieve.narrow`."""
        self.image = self.image[self.alive]
        super().narrow()


def sift_references(
    rows: list[Any] | RowTable,
    images: ImageTable,
    categories: tuple[Category, ...],
    category_keys: Keys,
    alias: dict[int, int],
    faults: Report,
    report: Report,
    repair: bool,
) -> References:
    """Drop annotations that are no objects, refer to nothing, or lack id or box; `repair` numbers those without id.

    Args:
        faults, report: where what stops a program without `repair` is counted, and where all else.
    """
    sieve = References(rows, "annotation", faults, tuple(category.name for category in categories))
    keys = read_keys(sieve.column("id"), text=repair)
    sieve.ids, sieve.told = keys.ids, keys.ok & ~keys.as_text
    names = {category.name: category.id for category in categories}
    # Classes first: every later count tells them.
    ids, known, as_text = read_references(sieve.column("category_id"), category_keys, text=repair, names=names)
    if alias:
        ids = np.array([alias.get(id_, id_) for id_ in ids.tolist()], dtype=np.int64)
    label, found = positions_in(np.array([category.id for category in categories], dtype=np.int64), ids)
    sieve.label = np.where(known & found, label, -1)
    by_name = images.ids_by_name() if sieve.has_text("image_id") else None
    image_ids, ok, also = read_references(sieve.column("image_id"), images.keys, text=repair, names=by_name)
    sieve.drop(ok & np.isin(image_ids, images.ambiguous), "of images whose id several images share")
    sieve.image, found = positions_in(images.columns["image_ids"], image_ids)
    unknown = ~(ok & found)
    for key, whose in (("image_id", "image"), ("category_id", "class")):
        sieve.drop(_lacks(sieve.column(key)), f"without {key}", f"each object needs the id of its {whose}")
    remedy = "" if repair else _reads_text(sieve.column("image_id"), unknown, images.keys, by_name)
    one_off = _one_off(image_ids[ok], images.keys.ids[images.keys.ok])
    sieve.drop(unknown, "of images that the file does not have", "; ".join(filter(None, (remedy, one_off))))
    remedy = "" if repair else _reads_text(sieve.column("category_id"), sieve.label < 0, category_keys, names)
    sieve.drop(sieve.label < 0, "of categories that the file does not have", remedy)
    as_text |= also
    again = sieve.duplicates(keys.ok)
    if repair:
        _number(sieve, keys, again, as_text, report)
    else:
        sieve.count("dropped", ~keys.ok, "without an integer id", "data.repair=true numbers them")
        sieve.count("dropped", again, "whose id occurred before", "data.repair=true numbers them anew")
        remedy = "data.repair=true measures boxes on masks, and drops those without a mask"
        sieve.count("dropped", sieve.lacks("bbox"), "without bbox", remedy)
    return sieve


def _number(sieve: Sieve, keys: Keys, again: np.ndarray, as_text: np.ndarray, report: Report) -> None:
    faults, sieve.report = sieve.report, report
    sieve.count("repaired", as_text, "image_id or category_id is text: read as a number")
    sieve.count("repaired", keys.as_text, "id is text: read or replaced by a number")
    sieve.count("repaired", ~keys.ok, "without an integer id: numbered")
    sieve.told &= ~again
    sieve.count("repaired", again, "whose id occurred before: numbered anew")
    new = np.flatnonzero((~keys.ok | again) & sieve.alive)
    sieve.ids[new] = free_ids(sieve.ids[keys.ok]) + np.arange(len(new))
    sieve.report = faults


def _lacks(values: Column) -> np.ndarray:
    """bool [N]: the row has nothing under a key."""
    if isinstance(values, np.ndarray):
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((value is None for value in values), dtype=bool, count=len(values))


def _one_off(used: np.ndarray, known: np.ndarray) -> str:
    """What is to be said where all images that annotations ask for would be there, were the ids one less or more."""
    used = np.unique(used)
    if len(used) < 2 or 2 * len(used) <= len(known):
        return ""
    if np.isin(used, known).all() or not any(np.isin(used - step, known).all() for step in (1, -1)):
        return ""
    own, theirs = (f"{ids.min()} to {ids.max()}" for ids in (known, used))
    return (
        f"the images have the ids {own}, the annotations ask for {theirs}: if they are one off, every object is in the "
        "picture beside its own"
    )


def _reads_text(values: Column, bad: np.ndarray, keys: Keys, names: dict[str, int] | None = None) -> str:
    """The way out where one of the bad rows refers to a row by text that says its number or name."""
    odd = [values[i] for i in np.flatnonzero(bad).tolist() if type(values[i]) is str] if bad.any() else []
    ids, ok, _ = read_references(odd, keys, text=True, names=names)
    return READS_TEXT if np.isin(ids[ok], keys.ids[keys.ok]).any() else ""


def count_references(rows: list[Any] | RowTable, *, text: bool) -> Callable[[Keys, dict[str, int]], Counter[int]]:
    """A function that counts the annotations of every category id, given the ids and, by name, those of the table."""

    def count(keys: Keys, names: dict[str, int]) -> Counter[int]:
        try:
            values = (
                rows.column("category_id") if isinstance(rows, RowTable) else list(map(itemgetter("category_id"), rows))
            )
        except (KeyError, TypeError, IndexError):
            values = [row.get("category_id") for row in rows if type(row) is dict]
        ids, ok, _ = read_references(values, keys, text=text, names=names)
        found, numbers = np.unique(ids[ok], return_counts=True)
        return Counter(dict(zip(found.tolist(), numbers.tolist(), strict=True)))

    return count
