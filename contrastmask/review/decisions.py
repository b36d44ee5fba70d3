"""Decisions as they lie on the disk: a journal of what was said, each entry safe before anybody is told so.

The present state is what the entries give one after another. Every row knows the last entry that met it, its revision:
a decision names the revision that the person saw, and is refused where another window has said something since.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.errors import DataError
from contrastmask.files.journal import Journal
from contrastmask.review.states import STATES

KIND = 1  # of the journal
CHANGED = (
    "holds the decisions about another state of the annotation file, which has changed since: put the file back as it "
    "was to go on, or move the journal away to begin anew"
)


class ConflictError(Exception):
    """Somebody else has decided meanwhile; nothing was changed."""


class Decisions:
    """What was said of each row of a file.

    Args:
        path: of the journal; one that is there is continued.
        digest: of the annotation file that the decisions are about.
        initial: int8 [N], what the file says of each row.

    Attributes:
        state: int8 [N], positions in ``STATES``. revision: int64 [N], the last entry that met each row; 0: none.
        lock: to hold while several things must agree.

    Raises:
        DataError: the journal is of another file, or cannot be written.
    """

    def __init__(self, path: Path, digest: str, initial: np.ndarray) -> None:
        self.path, self.lock = path, threading.RLock()
        self._identity = {"review": KIND, "annotations": digest}
        self._initial = initial
        self._open()
        self._earlier = len(self._entries)  # of these nobody is at a window any more

    def _open(self) -> None:
        self._journal = Journal(self.path, self._identity, sync_every=0, of_another=CHANGED)
        self.state, self.revision = self._initial.copy(), np.zeros(len(self._initial), dtype=np.int64)
        self._entries: dict[int, dict[str, Any]] = {}
        self._holds = self.revision.copy()  # the entry that each row's state comes from
        self._before: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._undone: set[int] = set()
        for number in sorted(self._journal.pieces):
            try:
                self._apply(number, self._journal.pieces[number])
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"{self.path}: decision {number} is damaged ({error!r}); take its line out to go on without it"
                ) from error

    def _apply(self, number: int, entry: dict[str, Any]) -> None:
        self._entries[number] = entry
        if "undoes" in entry:
            rows = np.array(self._entries[entry["undoes"]]["rows"], dtype=np.int64)
            self.state[rows], self._holds[rows] = self._before[entry["undoes"]]
            self._undone.add(entry["undoes"])
        elif "rows" in entry:
            rows = np.array(entry["rows"], dtype=np.int64)
            self._before[number] = self.state[rows], self._holds[rows]
            self.state[rows], self._holds[rows] = STATES.index(entry["state"]), number
        else:
            return
        self.revision[rows] = number

    def decide(self, rows: Sequence[int], state: int, by: str, seen: int | None = None) -> None:
        """Say the same of rows; on the disk when this returns.

        Args:
            by: who says it, for undoing. seen: the revision of the one row that the person has looked at.

        Raises:
            ConflictError: the row has another revision.
            DataError: it cannot be written, and nothing has changed.
        """
        with self.lock:
            if seen is not None and self.revision[rows[0]] != seen:
                raise ConflictError(f"meanwhile {STATES[self.state[rows[0]]]} in another window")
            if len(rows):
                self._keep({"rows": list(rows), "state": STATES[state], "by": by})

    def undo(self, by: str) -> list[int]:
        """Take the last decision back that ``by`` took, or, without one, the last one before this start; its rows.

        Raises:
            ConflictError: there is none, or a row of it was decided again since.
            DataError: it cannot be written, and nothing has changed.
        """
        with self.lock:
            open_ = [n for n, entry in self._entries.items() if "rows" in entry and n not in self._undone]
            own = [n for n in open_ if n > self._earlier and self._entries[n]["by"] == by]
            mine = own or [n for n in open_ if n <= self._earlier]
            if not mine:
                raise ConflictError("there is nothing to undo")
            rows = self._entries[mine[-1]]["rows"]
            if (self._holds[rows] != mine[-1]).any():
                raise ConflictError("cannot be undone: decided again in another window since")
            self._keep({"undoes": mine[-1], "by": by})
            return rows

    def note_finish(self, digest: str) -> None:
        """Keep what is about to be written as the result, to know it again."""
        with self.lock:
            self._keep({"finish": digest})

    def has_written(self, digest: str) -> bool:
        """Whether a file of this digest is a result of these decisions."""
        return any(entry.get("finish") == digest for entry in self._entries.values())

    def _keep(self, entry: dict[str, Any]) -> None:
        number = max(self._entries, default=0) + 1
        try:
            self._journal.add(number, entry)
        except DataError:
            # the disk is right: what is there is taken, what is not has not happened
            self._journal.close()
            self._open()
            if number not in self._entries:
                raise
            self._journal.sync()
            return
        self._apply(number, entry)

    def close(self) -> None:
        """Let go of the journal, which stays."""
        self._journal.close()
