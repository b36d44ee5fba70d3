"""A checked data set in flat arrays: shared by forked workers without a copy, cheap to slice, safe to use."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.data.columns import offsets_of, take_rows
from contrastmask.data.images.places import find_image
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.report import Report
from contrastmask.data.segmentation.check import rasterise
from contrastmask.data.segmentation.table import SegmentationTable
from contrastmask.errors import DataError


@dataclass(frozen=True)
class Category:
    """A class as the file has it; its label is its position in `Records.categories`."""

    id: int
    name: str


@dataclass(frozen=True, eq=False)
class Records:
    """Immutable. I images in the file's order, A annotations grouped by image, in the file's order within each.

    Boxes are clipped to their images (the file's own xywh is not kept). Crowd regions are among the annotations, for
    evaluation only: training leaves them out.

    Attributes:
        path, image_root: the annotation file and the folder of its images.
        categories: sorted by category id; index = label. Background is label K = len(categories).
        image_ids: int64 [I]. heights, widths: int32 [I], pixels, as the file says.
        names: uint8 [·], the images' file names in UTF-8, one after another. name_offsets: int64 [I+1].
        offsets: int64 [I+1]; image i has the annotations `offsets[i]:offsets[i + 1]`.
        rows: int64 [A], where each stands in the file's list `annotations`: tells rows apart also where ids do not.
        ann_ids: int64 [A]. labels: int64 [A] in 0..K-1. crowd: bool [A].
        boxes: float32 [A, 4], xyxy, image frame, inside the image, sides of at least one pixel.
        areas: float64 [A], px², positive: the file's `area` (COCO: of the mask), else the mask's, else the box's.
        predicted: bool [A], the file has a mask for it and calls it predicted, whether or not the mask is used.
        confidence: float32 [A] in 0..1, what the file says of a predicted mask; NaN where it says nothing.
        segmentations: of all annotations; a row that is not present has no mask.
        report: what checking dropped and repaired, and why.
        image_rules: how the image files are found and read.
    """

    path: Path
    image_root: Path
    categories: tuple[Category, ...]
    image_ids: np.ndarray
    heights: np.ndarray
    widths: np.ndarray
    names: np.ndarray
    name_offsets: np.ndarray
    offsets: np.ndarray
    rows: np.ndarray
    ann_ids: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    segmentations: SegmentationTable
    report: Report
    image_rules: ImageRules = PLAIN

    def __post_init__(self) -> None:
        has_mask = self.segmentations.present
        object.__setattr__(self, "_has_mask", has_mask)
        for values in vars(self).values():
            if isinstance(values, np.ndarray):
                values.flags.writeable = False

    @property
    def has_mask(self) -> np.ndarray:
        """bool [A]: the annotation has a mask and may show it."""
        return self._has_mask

    @property
    def drawn(self) -> np.ndarray:
        """bool [A]: the annotation has a mask and may show it, and no model made it. This alone counts as truth."""
        return self.has_mask & ~self.predicted

    @property
    def class_names(self) -> list[str]:
        """Names in label order."""
        return [category.name for category in self.categories]

    def file_name(self, image: int) -> str:
        """The image's `file_name`, as the file has it."""
        text = self.names[self.name_offsets[image] : self.name_offsets[image + 1]].tobytes()
        return text.decode("utf-8", "surrogateescape")

    def file_path(self, image: int) -> Path:
        """Where the image lies, links resolved. Whether it is there is told by whoever opens it.

        Raises:
            DataError: the path leaves `image_root`; several files may be meant; another setting would find the file.
        """
        return self._found(image)[0]

    def inner_name(self, image: int) -> str:
        """The image's name inside `image_root`, safe to name a file elsewhere by. Raises as `file_path` does."""
        return self._found(image)[1]

    def _found(self, image: int) -> tuple[Path, str]:
        try:
            return find_image(self.image_root, self.file_name(image), self.image_rules)
        except DataError as error:
            raise DataError(f"image {self.image_ids[image]}: {error}") from error

    def image_of(self, annotation: int) -> int:
        """Position of the image that an annotation belongs to."""
        return int(np.searchsorted(self.offsets, annotation, side="right")) - 1

    def images_of(self, annotations: np.ndarray) -> np.ndarray:
        """`image_of` for many: int64 [N] → int64 [N]."""
        return np.searchsorted(self.offsets, annotations, side="right") - 1

    def segmentation(self, annotation: int) -> list[list[float]] | dict[str, Any]:
        """Checked COCO segmentation: polygons `[[x, y, …], …]`, or RLE with compressed `counts` (str).

        Both forms are safe for pycocotools and faster-coco-eval.

        Raises:
            DataError: the annotation has no mask, or its class is withheld.
        """
        image = self.image_of(annotation)
        found = self.segmentations.get(annotation, int(self.heights[image]), int(self.widths[image]))
        if found is None:
            raise DataError(
                f"{self.path}: annotation {self.ann_ids[annotation]} of image {self.image_ids[image]} has no mask; "
                "look at has_mask first"
            )
        return found

    def mask(self, annotation: int) -> np.ndarray:
        """Mask at the image's own size, uint8 [H, W] in {0, 1}. Raises DataError as `segmentation` does."""
        image = self.image_of(annotation)
        return rasterise(self.segmentation(annotation), int(self.heights[image]), int(self.widths[image]))

    def withhold(self, labels: Iterable[int]) -> Records:
        """A copy in which no annotation of these labels has a drawn mask: its bytes are not there, not merely flagged.

        Predicted masks that the reading uses stay: they are no truth to withhold. The others' `areas`, which the file
        measures on masks, become those of the boxes.
        """
        kept = self.has_mask & self.predicted
        return self._without_masks(np.isin(self.labels, np.fromiter(labels, dtype=np.int64)) & ~kept)

    def thin_masks(self, share: float) -> Records:
        """A copy in which every class keeps ``ceil(share * n)`` of its n drawn masks, chosen by annotation id alone.

        A smaller share's masks are among a larger one's. Crowd regions are left as they are.
        """
        order = _scattered(self.ann_ids)
        hidden = np.zeros(len(self.ann_ids), dtype=bool)
        for label in range(len(self.categories)):
            rows = np.flatnonzero((self.labels == label) & self.drawn & ~self.crowd)
            hidden[rows[np.argsort(order[rows], kind="stable")][math.ceil(share * len(rows) - 1e-9) :]] = True
        return self._without_masks(hidden)

    def _without_masks(self, hidden: np.ndarray) -> Records:
        if not hidden.any():
            return self
        size = self.boxes[:, 2:].astype(np.float64) - self.boxes[:, :2]
        return replace(
            self,
            areas=np.where(hidden, size.prod(axis=1), self.areas),
            segmentations=self.segmentations.take(np.arange(len(hidden)), ~hidden),
        )

    def select_images(self, images: Iterable[int]) -> Records:
        """A copy with these images (positions, in the given order) and their annotations alone; same categories.

        The report stays that of the whole file.
        """
        images = np.fromiter(images, dtype=np.int64)
        annotations, offsets = take_rows(np.arange(len(self.ann_ids)), self.offsets, images)
        names, name_offsets = take_rows(self.names, self.name_offsets, images)
        by_image = {name: getattr(self, name)[images] for name in ("image_ids", "heights", "widths")}
        columns = ("rows", "ann_ids", "boxes", "labels", "areas", "crowd", "predicted", "confidence")
        by_annotation = {name: getattr(self, name)[annotations] for name in columns}
        return replace(
            self,
            **by_image,
            **by_annotation,
            names=names,
            name_offsets=name_offsets,
            offsets=offsets,
            segmentations=self.segmentations.take(annotations),
        )


def _scattered(ids: np.ndarray) -> np.ndarray:
    """A number for every id that tells nothing of its size: splitmix64's finaliser, uint64."""
    x = ids.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)  # wraps around, as it shall
    return x ^ (x >> np.uint64(31))


def pack_names(names: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """File names as one array of bytes with offsets: uint8 [·] and int64 [I+1]."""
    blob = np.frombuffer(b"".join(names), dtype=np.uint8)
    return blob, offsets_of(np.array([len(name) for name in names], dtype=np.int64))
