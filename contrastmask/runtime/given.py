"""Boxes and labels that a person gives, checked."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

_WIDTHS = "; as x, y, width, height they would lie in it: give x, y, x + width, y + height"
_FEW = 4  # px; an image of such a side may be one box of a pixel


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
        ValueError: one of the two is missing, their numbers differ, a box has no area inside the image, or all lie
            in 0..1, as shares of the image would.
    """
    if boxes is None or labels is None:
        raise ValueError("boxes and labels belong together: give both, or neither")
    array = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    if len(array) != len(labels):
        raise ValueError(f"{len(array)} boxes, {len(labels)} labels")
    height, width = size
    if len(array) and min(size) > _FEW and ((array >= 0) & (array <= 1)).all():
        raise ValueError(
            f"all boxes lie in 0..1, one pixel of the {width}x{height} image: are they shares of it? Pixels are "
            f"wanted: x times {width}, y times {height}"
        )
    inside = np.minimum(array.clip(min=0), np.array([width, height, width, height], dtype=np.float32))
    bad = ~(np.isfinite(array).all(axis=1) & (inside[:, 2:] > inside[:, :2]).all(axis=1))
    if bad.any():
        rows = np.flatnonzero(bad).tolist()
        way = _WIDTHS if _as_widths(array[bad], width, height) else ""
        raise ValueError(f"boxes {rows} are not finite xyxy with an area inside the {width}x{height} image{way}")
    return inside


def _as_widths(boxes: np.ndarray, width: int, height: int) -> bool:
    """Whether boxes that are none as they stand are some as x, y, width, height."""
    ends = boxes[:, :2] + boxes[:, 2:]
    inside = (ends <= np.array([width, height]) + 1).all() and (boxes[:, :2] >= -1).all()
    return bool(inside and (boxes[:, 2:] > 0).all())


def checked_image(image: Any) -> np.ndarray:
    """The image, uint8 RGB ``[H, W, 3]``.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(image, str | bytes | PathLike):
        raise ValueError(f"an image is wanted, not its path {image}: np.asarray(PIL.Image.open(path).convert('RGB'))")
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        way = "; PIL's image.convert('RGB') is one" if hasattr(image, "convert") else ""
        raise ValueError(f"need a uint8 RGB image [H, W, 3], got {array.dtype} {array.shape}{way}")
    return array
