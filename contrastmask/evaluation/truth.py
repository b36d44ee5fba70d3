"""What detections are judged by: the objects of an annotation file, as COCOeval would find them in it.

I images, K categories, R objects. Boxes here are COCO's xywh in image pixels, as the file has them: nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.data.annotations.rectangles import are_boxes
from contrastmask.data.records import Category
from contrastmask.data.segmentation.extents import Extents
from contrastmask.errors import DataError
from contrastmask.evaluation.coco_match import box_rle
from contrastmask.evaluation.instances import Instances
from contrastmask.evaluation.rules import Tally
from contrastmask.evaluation.truth_masks import Drawing, Size, blank, draw, has_nested


@dataclass(frozen=True, eq=False)
class Truth:
    """The objects of a file in the order in which COCOeval meets them: by image id, then as the file has them.

    Attributes:
        path: the annotation file. sha256: of its bytes; "" where there was no file to read.
        categories: each id once, by id. The position is a category's *place*, as the model's label is its own.
        image_ids: each once, sorted. sizes: (height, width) of each, None where unknown.
        annotations: rows in the file.
        sources: int64 ``[R]``, positions of the image under which a row is met. images: int64 ``[R]``, of the image
            that it belongs to: another one only where an id comes twice.
        places: int64 ``[R]``, positions in ``categories``.
        names: ``[R]``, the rows' ids.
        boxes: float64 ``[R, 4]`` xywh, NaN where there is no box. has_box: bool ``[R]``.
        areas: float64 ``[R]``. has_area: bool ``[R]``.
        crowd: bool ``[R]``, regions. ignored: bool ``[R]``, neither right nor wrong, region or not.
        zero_id: bool ``[R]``. predicted: bool ``[R]``, the mask is no truth.
        drawings: ``[R]``, masks as :func:`~contrastmask.evaluation.truth_masks.parse` gives them.
        adds_up: bool ``[R]``, of run lengths.
        marks: rule → bool ``[R]``, rows that it concerns. left_out: what is not among the rows.
        numbers: the whole number that stands for an image's id elsewhere → the id in the file, where it is text.
        rectangles: masks that are their box count as masks; else their objects have none.
        holes: polygons inside others of their object are holes.
    """

    path: Path
    sha256: str
    categories: tuple[Category, ...]
    image_ids: tuple[Any, ...]
    sizes: tuple[Size | None, ...]
    annotations: int
    sources: np.ndarray
    images: np.ndarray
    places: np.ndarray
    names: Sequence[Any]
    boxes: np.ndarray
    has_box: np.ndarray
    areas: np.ndarray
    has_area: np.ndarray
    crowd: np.ndarray
    ignored: np.ndarray
    zero_id: np.ndarray
    predicted: np.ndarray
    drawings: Sequence[Drawing]
    adds_up: np.ndarray
    marks: dict[str, np.ndarray] = field(default_factory=dict)
    left_out: Tally = field(default_factory=Tally)
    numbers: Mapping[int, Any] = field(default_factory=dict)
    rectangles: bool = True
    holes: bool = False
    _drawn: dict[int, tuple[dict[str, Any] | None, str]] = field(default_factory=dict)

    @property
    def class_names(self) -> list[str]:
        """Names by place; where two categories share one, the id tells them apart."""
        names = [category.name for category in self.categories]
        return [
            name if names.count(name) == 1 else f"{name} (id {category.id})"
            for name, category in zip(names, self.categories, strict=True)
        ]

    def positions(self, image_ids: Iterable[Any] | None) -> np.ndarray:
        """Sorted positions of these images, None for all.

        Raises:
            DataError: an image that the file does not have.
        """
        if image_ids is None:
            return np.arange(len(self.image_ids))
        known, wanted = {image_id: i for i, image_id in enumerate(self.image_ids)}, {self.own(i) for i in image_ids}
        if lacking := sorted(wanted - set(known), key=str):
            raise DataError(f"{self.path} has no images {lacking[:5]} ({len(lacking)} in all), asked for in image_ids")
        return np.array(sorted(known[image_id] for image_id in wanted), dtype=np.int64)

    def own(self, image_id: Any) -> Any:
        """The id as the file has it."""
        return self.numbers.get(image_id, image_id)

    def rows(self, images: np.ndarray) -> np.ndarray:
        """Positions of the rows that COCOeval judges where it is told these images (positions) alone."""
        inside = np.zeros(len(self.image_ids), dtype=bool)
        inside[images] = True
        return np.flatnonzero(inside[self.sources] & inside[self.images])

    def mask(self, row: int) -> tuple[dict[str, Any] | None, str]:
        """Run lengths of a row's mask, None where it has none to judge by, and the rule that applies, or ""."""
        found = self._drawn.get(row)
        if found is None:
            drawing = self.drawings[row]
            if drawing is None:
                found = None, "no_mask"
            elif self.predicted[row]:
                found = None, "predicted"
            else:
                found = draw(drawing, bool(self.adds_up[row]), self.sizes[self.images[row]], holes=self.holes)
                drawn = found[1] == "" and not self.rectangles and not self.crowd[row]
                if drawn and self._is_box(row, found[0]) and not has_nested(drawing):
                    found = None, "rectangle"
            self._drawn[row] = found
        return found

    def instances_of(self, images: np.ndarray, kind: str) -> Instances:
        """Objects of these images (sorted positions) for :func:`~contrastmask.evaluation.coco_match.match`."""
        rows = self.rows(images)
        crowd = self.crowd[rows]
        if kind == "mask":
            shapes: list[Any] = []
            for row in rows.tolist():
                shapes.append(self.mask(row)[0])
            for number in [number for number, shape in enumerate(shapes) if shape is None]:
                shapes[number], crowd[number] = self._region(int(rows[number])), True
        else:
            shapes = self._boxes(rows)
        kept = np.array([shape is not None for shape in shapes], dtype=bool)
        rows, crowd, shapes = rows[kept], crowd[kept], [shape for shape in shapes if shape is not None]
        # an area outside every range is how COCOeval can be told to ignore what is no crowd
        areas = np.where(self.has_area[rows], self.areas[rows], 0.0)
        for number in np.flatnonzero(~self.has_area[rows]).tolist():
            areas[number] = self._area(int(rows[number]))
        return Instances(
            images=np.searchsorted(images, self.images[rows]),
            places=self.places[rows],
            shapes=shapes if kind == "mask" else np.array(shapes, dtype=np.float64).reshape(-1, 4),
            areas=np.where(self.ignored[rows] & ~crowd, -1.0, areas),
            crowd=crowd,
            zero_id=self.zero_id[rows],
            scores=np.zeros(len(rows)),
        )

    def _boxes(self, rows: np.ndarray) -> list[np.ndarray | None]:
        """xywh of these rows; of those without one what lies around the mask, or None."""
        boxes: list[np.ndarray | None] = list(self.boxes[rows])
        for number in np.flatnonzero(~self.has_box[rows]).tolist():
            around, _ = self.mask(int(rows[number]))
            boxes[number] = None if around is None else coco_mask.toBbox(around)
        return boxes

    def tally(self, rows: np.ndarray, kinds: Sequence[str]) -> Tally:
        """What rules applied to these rows in evaluations of these kinds, and what was left out of the file."""
        tally = Tally({rule: list(names) for rule, names in self.left_out.rows.items()})
        for rule, marked in self.marks.items():
            tally.update({rule: [self.names[row] for row in rows[marked[rows]].tolist()]} if marked[rows].any() else {})
        for row in rows[~self.has_box[rows]].tolist() if "box" in kinds else []:
            tally.add("no_box" if self.mask(row)[0] is None else "box_from_mask", self.names[row])
        for row in rows.tolist() if "mask" in kinds else []:
            mask, rule = self.mask(row)
            if rule:
                lost = mask is None and self._region(row) is None
                tally.add("neither" if lost else rule, self.names[row])
        return tally

    def _area(self, row: int) -> float:
        if self.has_area[row]:
            return float(self.areas[row])
        mask, _ = self.mask(row)
        if mask is not None:
            return float(coco_mask.area(mask))
        return float(self.boxes[row, 2] * self.boxes[row, 3]) if self.has_box[row] else 0.0

    def _is_box(self, row: int, rle: dict[str, Any]) -> bool:
        if not self.has_box[row]:
            return False
        height, width = self.sizes[self.images[row]]
        mask, box = (np.array([[x, y, x + w, y + h]]) for x, y, w, h in (coco_mask.toBbox(rle), self.boxes[row]))
        extents = Extents(mask, np.array([float(coco_mask.area(rle))]), np.array([True]), np.array([False]))
        limit = np.array([[width, height, width, height]])
        return bool(are_boxes(extents, np.clip(box, 0, limit), limit[:, :2])[0])

    def _region(self, row: int) -> dict[str, Any] | None:
        """The box as a mask."""
        size, box = self.sizes[self.images[row]], self.boxes[row]
        if not self.has_box[row] or not np.isfinite(box).all():
            return None
        if size is None:
            return blank((1, 1))  # nobody has seen an image of unknown size
        return box_rle([box[0], box[1], box[0] + box[2], box[1] + box[3]], *size)
