"""Boxes and labels that a person gives, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def label_of(name: str | int, class_names: Sequence[str], path: Path) -> int:
    """The label of a class name, or of a label itself.

    Raises:
        ValueError: it is neither; the message lists the classes.
    """
    if isinstance(name, str) and name in class_names:
        return list(class_names).index(name)
    if not isinstance(name, str) and int(name) == name and 0 <= name < len(class_names):
        return int(name)
    raise ValueError(f"{name!r} is no class of {path}; it has {', '.join(class_names)}")


def checked_boxes(boxes: Any, labels: Any, size: tuple[int, int]) -> np.ndarray:
    """The boxes, clipped to an image of ``size`` (H, W); float32 ``[N, 4]`` xyxy.

    Raises:
        ValueError: one of the two is missing, their numbers differ, or a box has no area inside the image.
    """
    if boxes is None or labels is None:
        raise ValueError("boxes and labels belong together: give both, or neither")
    array = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    if len(array) != len(labels):
        raise ValueError(f"{len(array)} boxes, {len(labels)} labels")
    height, width = size
    inside = np.minimum(array.clip(min=0), np.array([width, height, width, height], dtype=np.float32))
    bad = ~(np.isfinite(array).all(axis=1) & (inside[:, 2:] > inside[:, :2]).all(axis=1))
    if bad.any():
        rows = np.flatnonzero(bad).tolist()
        raise ValueError(f"boxes {rows} are not finite xyxy with an area inside the {width}x{height} image")
    return inside


def checked_image(image: Any) -> np.ndarray:
    """The image, uint8 RGB ``[H, W, 3]``.

    Raises:
        ValueError: it is something else.
    """
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(f"need a uint8 RGB image [H, W, 3], got {array.dtype} {array.shape}")
    return array
