"""The masks of a file that a person may look at, with everything that tells a doubtful one."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.completion.sieve import AGREEMENT, CONFIDENCE, FIGURES, attributes_of
from contrastmask.completion.source_file import SourceFile
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.annotations.reviewed import BEFORE
from contrastmask.data.file_content import no_garbage_collection, read_json
from contrastmask.data.records import Records
from contrastmask.data.segmentation.check import check
from contrastmask.data.segmentation.figures import measure_masks
from contrastmask.errors import DataError
from contrastmask.review.options import ReviewOptions
from contrastmask.review.states import initial_states

# of a file that lists label errors: how surely a row's own mask is wrong, why, and the model's mask
SUSPICION, REASON, MODELS = "suspicion", "reason", "predicted"
IS_BEFORE, IS_AFTER = "before", "after"


@dataclass(eq=False)
class Objects:
    """A annotations, in the order of the records; an object is known by its place in the file's list `annotations`.

    Attributes:
        records: read so that predicted masks count. count: rows of the file.
        shown: bool [A], the annotation has a mask and is no crowd region: it can be asked about.
        confidence, suspicion: float64 [A] in 0..1, NaN where the file says nothing.
        initial: int8 [count], what the file itself says of each row.
        reasons: place → why a mask is suspected.
        others: place → another mask of the object as the file has it, and whether it came before or after the present.
        figures: place → the sieve's figures, where the file has them; :meth:`figures_of` measures the others.
    """

    records: Records
    count: int
    shown: np.ndarray
    confidence: np.ndarray
    suspicion: np.ndarray
    initial: np.ndarray
    reasons: dict[int, str] = field(default_factory=dict)
    others: dict[int, tuple[Any, str]] = field(default_factory=dict)
    figures: dict[int, dict[str, Any]] = field(default_factory=dict)
    _measuring: Any = field(default_factory=threading.Lock)

    @cached_property
    def position(self) -> np.ndarray:
        """int64 [count], where a row stands in the records; -1 where it is not among them."""
        position = np.full(self.count, -1, dtype=np.int64)
        position[self.records.rows] = np.arange(len(self.records.rows))
        return position

    @property
    def predicted(self) -> np.ndarray:
        """bool [A], a model made the mask."""
        return self.records.predicted

    @property
    def suspected(self) -> bool:
        """Whether the file says of any mask how likely it is wrong."""
        return bool((self.suspicion >= 0).any())

    def source(self, wanted: str | None) -> str:
        """Whose masks are asked about first: as wanted, else the model's where the file has any and suspects none."""
        return wanted or ("model" if not self.suspected and self.predicted.any() else "all")

    def of_source(self, source: str) -> np.ndarray:
        """bool [A], masks that can be asked about, of one of ``SOURCES``."""
        return self.shown if source == "all" else self.shown & (self.predicted == (source == "model"))

    def at(self, place: Any) -> int:
        """Position of a row that can be asked about.

        Raises:
            DataError: there is none.
        """
        if type(place) is int and 0 <= place < self.count and (a := int(self.position[place])) >= 0 and self.shown[a]:
            return a
        raise DataError(f"row {place} of {self.records.path} has no mask to look at")

    def figures_of(self, positions: np.ndarray) -> list[dict[str, Any]]:
        """The sieve's figures of annotations with masks, from the file where it has them."""
        places = self.records.rows[positions].tolist()
        with self._measuring:
            lacking = [a for a, place in zip(positions.tolist(), places, strict=True) if place not in self.figures]
            if lacking:
                rows = np.array(lacking)
                heights = self.records.heights[self.records.images_of(rows)]
                measured = measure_masks([self._runs(a) for a in lacking], heights, self.records.boxes[rows])
                self.figures.update(zip(self.records.rows[rows].tolist(), attributes_of(measured), strict=True))
        return [self.figures[place] for place in places]

    @cached_property
    def agreement(self) -> np.ndarray:
        """float64 [A] in 0..1, IoU of the mask's own box with the given one; NaN where nothing is shown."""
        found = np.full(len(self.shown), np.nan)
        positions = np.flatnonzero(self.shown)
        found[positions] = [row[AGREEMENT] for row in self.figures_of(positions)]
        return found

    def other(self, place: int) -> tuple[list[list[float]] | dict[str, Any], str] | None:
        """Another mask of the object, checked, and whether it came before or after; None where there is none."""
        raw, when = self.others.get(place, (None, ""))
        image = self.records.image_of(int(self.position[place]))
        try:
            checked = check(raw, int(self.records.heights[image]), int(self.records.widths[image])) if raw else None
        except DataError:
            checked = None
        return None if checked is None else (checked, when)

    def _runs(self, a: int) -> bytes | str:
        found = self.records.segmentation(a)
        if isinstance(found, dict):
            return found["counts"]
        image = self.records.image_of(a)
        size = int(self.records.heights[image]), int(self.records.widths[image])
        return coco_mask.merge(coco_mask.frPyObjects(found, *size))["counts"]


def read_objects(options: ReviewOptions, source: SourceFile) -> Objects:
    """Read the file.

    Raises:
        DataError: it cannot be used or has changed; no row has a mask; ``options.before`` is no earlier form of it.
    """
    records = load_annotations(options.annotations, options.images, options.reading)
    with no_garbage_collection():
        rows = source.rows()
        found = _columns(records, rows)
        if options.before is not None:
            _look_back(found, rows, options.before)
    if not found.shown.any():
        lost = "".join(f"\n  {line}" for line in records.report.lines())
        raise DataError(f"{options.annotations}: no object has a mask to look at{lost}")
    return found


def _columns(records: Records, rows: list[Any]) -> Objects:
    number = len(records.rows)
    found = Objects(
        records, len(rows), records.has_mask & ~records.crowd, np.full(number, np.nan), np.full(number, np.nan),
        initial_states(rows),
    )  # fmt: skip
    for a, place in enumerate(records.rows.tolist()):
        row = rows[place]
        inner = row.get("attributes")
        inner = inner if isinstance(inner, dict) else {}
        found.confidence[a] = _share(inner.get(CONFIDENCE, row.get(CONFIDENCE, row.get("score"))))
        found.suspicion[a] = _share(inner.get(SUSPICION))
        if isinstance(inner.get(REASON), str) and inner[REASON]:
            found.reasons[place] = inner[REASON]
        if inner.get(MODELS):
            found.others[place] = inner[MODELS], IS_AFTER
        elif isinstance(row.get(BEFORE), dict) and row[BEFORE].get("segmentation"):
            found.others[place] = row[BEFORE]["segmentation"], IS_BEFORE
        if records.predicted[a] and all(key in inner for key in FIGURES):
            figures = {key: inner[key] for key in FIGURES}
            if _are_figures(figures):
                found.figures[place] = figures
    return found


def _are_figures(figures: dict[str, Any]) -> bool:
    """Whether they are of the kinds that this program writes: another may have changed them."""
    agreement, parts, largest, filled, touches = figures.values()
    shares = [_share(value) for value in (agreement, largest, filled)]
    return not any(map(math.isnan, shares)) and type(parts) is int and isinstance(touches, str)


def _share(value: Any) -> float:
    """A number in 0..1, else NaN."""
    return float(value) if type(value) in (int, float) and 0 <= value <= 1 else math.nan


def _look_back(found: Objects, rows: list[Any], path: Path) -> None:
    content = read_json(path)
    before = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(before, list) or len(before) != len(rows):
        raise DataError(f"data.before={path} is no earlier form of {found.records.path}: it has other rows")
    for place, (old, new) in enumerate(zip(before, rows, strict=True)):
        if not (isinstance(old, dict) and isinstance(new, dict)):
            continue
        if any(old.get(key) != new.get(key) for key in ("id", "image_id")):
            raise DataError(
                f"data.before={path} is no earlier form of {found.records.path}: row {place} is another object"
            )
        if old.get("segmentation") and old["segmentation"] != new.get("segmentation"):
            found.others.setdefault(place, (old["segmentation"], IS_BEFORE))
