"""The rows of one list of an annotation file, dropped and counted one reason after another."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import numpy as np

from contrastmask.data.annotations.row_table import Column, RowTable
from contrastmask.data.columns import repeats
from contrastmask.data.report import EXAMPLES, Outcome, Report


class Sieve:
    """Rows of one list of the file; each dropped row counts under its first reason.

    Attributes:
        rows: the JSON objects, {} where a row is none; or their columns.
        place: int64 [N], where each row stands in the file's list.
        alive: bool [N]. ids: int64 [N]. told: bool [N], the row's id is its own and the file's.
        label: int64 [N], position in `names`, -1 where the row has no class that is known.
        report: where reasons are counted; may be exchanged on the way.
        gone: reason → places of the rows dropped for it.
    """

    def __init__(self, rows: list[Any] | RowTable, subject: str, report: Report, names: tuple[str, ...] = ()) -> None:
        self.subject, self.report, self.names = subject, report, names
        is_object = np.ones(len(rows), dtype=bool)
        if not isinstance(rows, RowTable):
            is_object = np.fromiter((type(row) is dict for row in rows), dtype=bool, count=len(rows))
            rows = rows if is_object.all() else [row if type(row) is dict else {} for row in rows]
        self.rows = rows
        self.place = np.arange(len(rows))
        self.alive = np.ones(len(rows), dtype=bool)
        self.ids, self.told = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
        self.label = np.full(len(rows), -1, dtype=np.int64)
        self.gone: dict[str, list[int]] = {}
        self.drop(~is_object, "that are not objects")

    def column(self, key: str) -> Column:
        """One key's values, None where missing; an array where all are as they shall be."""
        if isinstance(self.rows, RowTable):
            return self.rows.column(key)
        try:
            return list(map(itemgetter(key), self.rows))
        except KeyError:
            return [row.get(key) for row in self.rows]

    def lacks(self, key: str) -> np.ndarray:
        """bool [N]: the row does not have the key."""
        if isinstance(self.rows, RowTable):
            return self.rows.lacks(key)
        return np.fromiter((key not in row for row in self.rows), dtype=bool, count=len(self.rows))

    def has_text(self, key: str) -> bool:
        """Whether a row has text under this key."""
        column = self.column(key)
        return not isinstance(column, np.ndarray) and any(type(value) is str for value in column)

    def duplicates(self, among: np.ndarray) -> np.ndarray:
        """bool [N]: of the rows marked in bool [N] that are still there one has had this id before."""
        result, among = np.zeros(len(self.ids), dtype=bool), among & self.alive
        result[among] = repeats(self.ids[among])
        return result

    def drop(self, bad: np.ndarray, reason: str, remedy: str = "") -> None:
        """Drop the rows marked in bool [N] that are still there, and count them."""
        self.count("dropped", bad, reason, remedy)
        if places := self.place[bad & self.alive].tolist():
            self.gone.setdefault(reason, []).extend(places)
        self.alive &= ~bad

    def count(self, outcome: Outcome, rows: np.ndarray, reason: str, remedy: str = "") -> None:
        """Count the rows marked in bool [N] that are still there."""
        found = np.flatnonzero(rows & self.alive)
        if len(found) == 0:
            return
        examples = [int(self.ids[r]) if self.told[r] else f"row {self.place[r]}" for r in found[:EXAMPLES].tolist()]
        labels = self.label[found]
        counts = np.bincount(labels[labels >= 0], minlength=len(self.names))
        classes = {self.names[label]: int(counts[label]) for label in np.flatnonzero(counts).tolist()}
        self.report.add(outcome, self.subject, reason, examples, classes=classes, remedy=remedy, count=len(found))

    def narrow(self) -> None:
        """Forget the rows that are gone, and of the others the JSON: it outweighs everything else in memory."""
        for name in ("place", "ids", "told", "label"):
            setattr(self, name, getattr(self, name)[self.alive])
        self.rows = []
        self.alive = np.ones(len(self.ids), dtype=bool)

    @property
    def kept(self) -> np.ndarray:
        """int64 [N'], positions of the rows still there."""
        return np.flatnonzero(self.alive)
