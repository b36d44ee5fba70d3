"""Masks of given boxes from an exported crop branch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrastmask.runtime.given_boxes import GivenBoxes, sigmoid
from contrastmask.runtime.model_file import ModelFile
from contrastmask.runtime.windows import (
    box_cells,
    cut_out,
    into_windows,
    mirrored_boxes,
    neighbour_plane,
    windows_of,
)

CHUNK = 64  # crops that go through the network together: memory does not grow with the objects of an image


class CropPredictor(GivenBoxes):
    """An exported crop branch ready for images; see :class:`contrastmask.runtime.given_boxes.GivenBoxes`."""

    def __init__(self, path: Path, model: ModelFile, tta: str) -> None:
        super().__init__(path, model, tta)
        self.model = model

    def _found(self, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, beside: np.ndarray) -> dict[str, Any]:
        windows = windows_of(boxes, self.about.context)
        near = np.concatenate([boxes, beside])
        starts = range(0, len(boxes), CHUNK)
        parts = [self._probs(image, windows[i : i + CHUNK], near.astype(np.float32), i) for i in starts]
        cells = self.about.side // 2
        probs = np.concatenate([p for p, _ in parts]) if parts else np.zeros((0, cells, cells), dtype=np.float32)
        sure = np.concatenate([c for _, c in parts]) if parts else np.zeros(0, dtype=np.float32)
        probs = probs * box_cells(into_windows(boxes.astype(np.float32), windows), cells)
        return {"scores": sure, "confidence": sure, "mask_probs": probs, "windows": windows}

    def _probs(
        self, image: np.ndarray, windows: np.ndarray, boxes: np.ndarray, start: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of windows whose boxes begin at ``start``."""
        side = self.about.side
        crops = cut_out(image, windows, side, np.array(self.about.mean))
        shares = into_windows(boxes[None], windows[:, None])
        own = np.arange(start, start + len(windows))
        given = shares[np.arange(len(windows)), own]
        near = neighbour_plane(shares, np.arange(len(boxes)) != own[:, None], side)
        probs, sure = self._run(crops, given, near)
        if self.tta == "flip":
            flipped, other = self._run(
                np.ascontiguousarray(crops[..., ::-1]), mirrored_boxes(given), np.ascontiguousarray(near[..., ::-1])
            )
            probs, sure = (probs + flipped[..., ::-1]) / 2, (sure + other) / 2
        return probs, sure

    def _run(self, crops: np.ndarray, boxes: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        said = self.model.run({"crops": crops, "boxes": boxes.astype(np.float32), "near": near.astype(np.float32)})
        return sigmoid(said["logits"]), said["confidence"].astype(np.float32)
