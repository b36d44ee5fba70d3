"""Masks of given boxes from the two exported parts of a detector: its backbone, and its heads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.errors import CheckpointError
from contrastmask.runtime.given_boxes import GivenBoxes, sigmoid
from contrastmask.runtime.model_file import ModelFile
from contrastmask.runtime.resizing import resized, resized_size
from contrastmask.runtime.schema import MASKS, PYRAMID

CHUNK = 64  # boxes that go through the heads together


class DetectorPredictor(GivenBoxes):
    """An exported detector ready for images and boxes; see :class:`contrastmask.runtime.given_boxes.GivenBoxes`.

    Args:
        path: of one of the two parts; the other lies beside it. model: that part, opened.

    Raises:
        CheckpointError: the other part is missing, or of another model.
    """

    any_class = False

    def __init__(self, path: Path, model: ModelFile, device: str | None, threads: int | None) -> None:
        super().__init__(path, model)
        missing = MASKS if model.about.kind == PYRAMID else PYRAMID
        beside = path.with_name(f"{missing}{path.suffix}")
        if not beside.is_file():
            raise CheckpointError(f"{path} is a detector's {model.about.kind} alone: {beside} is missing beside it")
        other = ModelFile(beside, device, threads)
        kinds = {part.about.kind: part for part in (model, other)}
        if set(kinds) != {PYRAMID, MASKS} or other.about.categories != model.about.categories:
            raise CheckpointError(f"{path} and {beside} are not of one model: export them again")
        self._pyramid, self._masks = kinds[PYRAMID], kinds[MASKS]

    def _found(self, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, beside: np.ndarray) -> dict[str, Any]:
        height, width = image.shape[:2]
        size = resized_size(height, width, self.about.short_side, self.about.long_side)
        canvas = np.zeros((*(math.ceil(side / self.about.divisor) * self.about.divisor for side in size), 3), np.uint8)
        canvas[: size[0], : size[1]] = resized(image, size)
        given = {"image": np.ascontiguousarray(canvas.transpose(2, 0, 1)), "size": np.array(size, dtype=np.int64)}
        levels = self._pyramid.run(given)
        scaled = boxes * np.array([size[1] / width, size[0] / height] * 2, dtype=np.float32)
        parts = [
            self._masks.run({**levels, "boxes": scaled[i : i + CHUNK], "labels": labels[i : i + CHUNK]})
            for i in range(0, len(boxes), CHUNK)
        ]
        logits = [part["logits"] for part in parts] or [np.zeros((0, 28, 28), dtype=np.float32)]
        cams = [part["cams"] for part in parts] or [np.zeros((0, 7, 7), dtype=np.float32)]
        probs = sigmoid(np.concatenate(logits))
        inside = probs >= 0.5
        both, area = (probs * inside).sum(axis=(1, 2)), inside.sum(axis=(1, 2))
        either = np.maximum(probs, inside).sum(axis=(1, 2), dtype=np.float64)
        return {
            "scores": (both / np.maximum(area, 1)).astype(np.float32),
            "confidence": (both / np.maximum(either, 1e-9)).astype(np.float32),
            "mask_probs": probs,
            "cams": np.concatenate(cams),
        }
