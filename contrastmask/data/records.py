"""Checked COCO records as flat arrays: shared by loader processes, not copied into each.

I images, A annotations, K classes; boxes xyxy in original image pixels; labels 0..K-1 in the order of category ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.report import Report
from contrastmask.data.segmentation import decode
from contrastmask.errors import DataError


@dataclass(frozen=True)
class Category:
    """A row of the label table."""

    id: int  # in the file
    name: str


@dataclass(frozen=True, eq=False)
class Segmentations:
    """The segmentations of A annotations; an annotation has polygons, run lengths, or nothing."""

    points: np.ndarray  # float64 [P] coordinates x, y, x, y, … of all polygons
    parts: np.ndarray  # int64 [Q + 1] polygon q is points[parts[q]:parts[q + 1]]
    polygons: np.ndarray  # int64 [A + 1] annotation a has the polygons polygons[a]..polygons[a + 1]
    runs: np.ndarray  # uint8 [B] compressed run lengths of all annotations
    strings: np.ndarray  # int64 [A + 1] annotation a has runs[strings[a]:strings[a + 1]]

    @classmethod
    def pack(cls, checked: list[list[np.ndarray] | bytes | None]) -> Segmentations:
        """Pack what :func:`~contrastmask.data.segmentation.checked` returned, None where there is no mask."""
        polygons = [c if isinstance(c, list) else [] for c in checked]
        strings = [c if isinstance(c, bytes) else b"" for c in checked]
        flat = [part for parts in polygons for part in parts]
        return cls(
            np.concatenate(flat) if flat else np.zeros(0),
            _starts([len(part) for part in flat]),
            _starts([len(parts) for parts in polygons]),
            np.frombuffer(b"".join(strings), dtype=np.uint8),
            _starts([len(string) for string in strings]),
        )

    def present(self) -> np.ndarray:
        """Which annotations have a segmentation, bool ``[A]``."""
        return (np.diff(self.polygons) > 0) | (np.diff(self.strings) > 0)

    def get(self, a: int) -> list[np.ndarray] | bytes | None:
        """What annotation ``a`` has, as :meth:`pack` took it."""
        first, last = self.polygons[a], self.polygons[a + 1]
        if last > first:
            return [self.points[self.parts[q] : self.parts[q + 1]] for q in range(first, last)]
        return self.runs[self.strings[a] : self.strings[a + 1]].tobytes() or None

    def keep(self, wanted: np.ndarray) -> Segmentations:
        """A copy that holds nothing of the annotations not ``wanted`` (bool ``[A]``)."""
        return Segmentations.pack([self.get(a) if want else None for a, want in enumerate(wanted)])


def _starts(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Records:
    """A checked annotation file. Annotations of an image stand together, images in the file's order.

    Crowd regions are kept, for evaluation only. Boxes are clipped to their image. ``areas`` are the file's where they
    are positive numbers, otherwise the box's.
    """

    path: Path
    image_root: Path
    categories: tuple[Category, ...]  # index = label
    image_ids: np.ndarray  # int64 [I]
    heights: np.ndarray  # int32 [I]
    widths: np.ndarray  # int32 [I]
    names: np.ndarray  # uint8: file names, UTF-8, one after the other
    name_starts: np.ndarray  # int64 [I + 1]
    offsets: np.ndarray  # int64 [I + 1] annotations of image i are offsets[i]..offsets[i + 1]
    ann_ids: np.ndarray  # int64 [A]
    boxes: np.ndarray  # float32 [A, 4]
    labels: np.ndarray  # int64 [A]
    areas: np.ndarray  # float64 [A]
    crowd: np.ndarray  # bool [A]
    segmentations: Segmentations
    has_mask: np.ndarray  # bool [A]
    report: Report

    @property
    def class_names(self) -> list[str]:
        """Names in label order."""
        return [c.name for c in self.categories]

    def file_name(self, i: int) -> str:
        """The file name of image ``i`` as the annotation file gives it."""
        return self.names[self.name_starts[i] : self.name_starts[i + 1]].tobytes().decode()

    def file_path(self, i: int) -> Path:
        """Where image ``i`` lies.

        Raises:
            DataError: a link leads outside the image folder.
        """
        path = self.image_root / self.file_name(i)
        if not path.resolve().is_relative_to(self.image_root.resolve()):
            raise DataError(f"{self.path}: image {self.image_ids[i]}: {self.file_name(i)!r} leads outside {self.image_root}")
        return path

    def image_of(self, a: int) -> int:
        """Index of the image that annotation ``a`` belongs to."""
        return int(np.searchsorted(self.offsets, a, side="right")) - 1

    def segmentation(self, a: int) -> list[list[float]] | dict[str, Any]:
        """The checked segmentation of annotation ``a``: polygons, or compressed run lengths with ``counts`` as str.

        Raises:
            DataError: it has none (or the split withholds it).
        """
        found = self.segmentations.get(a)
        if found is None:
            raise DataError(f"{self.path}: annotation {self.ann_ids[a]} has no mask")
        if isinstance(found, list):
            return [part.tolist() for part in found]
        i = self.image_of(a)
        return {"size": [int(self.heights[i]), int(self.widths[i])], "counts": found.decode("ascii")}

    def mask(self, a: int) -> np.ndarray:
        """The mask of annotation ``a``, uint8 ``[H, W]`` in {0, 1}, at the image's own size."""
        i = self.image_of(a)
        return decode(self.segmentation(a), int(self.heights[i]), int(self.widths[i]))

    def withhold(self, labels: Iterable[int]) -> Records:
        """A copy in which no annotation of these labels has a mask: the segmentations are gone, not hidden."""
        wanted = ~np.isin(self.labels, list(labels)) & self.has_mask
        kept = self.segmentations.keep(wanted)
        return replace(self, segmentations=kept, has_mask=kept.present())
