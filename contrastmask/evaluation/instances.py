"""What a matching takes: objects or detections of one kind, in columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Instances:
    """N objects or N detections, image by image, in the order in which COCOeval would meet them in each.

    Attributes:
        images: int64 ``[N]``, positions among the evaluated images. places: int64 ``[N]``, of the categories.
        shapes: boxes float64 ``[N, 4]`` xywh, or N masks as compressed run lengths.
        areas: float64 ``[N]``, by which the area ranges are told; NaN and infinite ones as a file may have them.
        crowd: bool ``[N]``, regions. zero_id: bool ``[N]``, the id is 0, by which COCOeval says unmatched.
        scores: float64 ``[N]``; of objects 0.
    """

    images: np.ndarray
    places: np.ndarray
    shapes: np.ndarray | list[dict[str, Any]]
    areas: np.ndarray
    crowd: np.ndarray
    zero_id: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def chosen(self, rows: np.ndarray) -> np.ndarray | list[dict[str, Any]]:
        """Shapes of these rows, int64 ``[R]``."""
        return self.shapes[rows] if isinstance(self.shapes, np.ndarray) else [self.shapes[row] for row in rows.tolist()]
