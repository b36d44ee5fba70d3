"""The size that a detector sees an image at, and the image at that size, with numpy alone."""

from __future__ import annotations

import numpy as np


def resized_size(height: int, width: int, short: int, long: int) -> tuple[int, int]:
    """Size (H, W) that keeps the ratio, with the shorter side <= `short` and the longer <= `long`, one of them reached.

    scale = min(long / max(h, w), short / min(h, w)); side' = int(side * scale + 0.5), at least 1 (MMDetection's rule;
    it would make an image of 1 x 5000 pixels vanish).
    """
    scale = min(long / max(height, width), short / min(height, width))
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear, half-pixel centres, without smoothing; uint8 ``[H, W, 3]``.

    Columns, whole numbers, then rows, as PyTorch does it.
    """
    first, last, share = _places(image.shape[1], size[1])
    values = image.astype(np.float32)
    values = np.floor(values[:, first] + (values[:, last] - values[:, first]) * share[None, :, None] + 0.5)
    first, last, share = _places(image.shape[0], size[0])
    values = values[first] + (values[last] - values[first]) * share[:, None, None]
    return np.floor(values + 0.5).clip(0, 255).astype(np.uint8)


def _places(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two neighbours of each of ``new`` places among ``old`` ones, and how far it lies towards the second."""
    centre = np.maximum((np.arange(new) + 0.5) * (old / new) - 0.5, 0)
    first = np.minimum(centre.astype(np.int64), old - 1)
    return first, np.minimum(first + 1, old - 1), (centre - first).astype(np.float32)
