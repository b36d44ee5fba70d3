"""Images and boxes as people hand them over, looked at before anything is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def pixels_of(image: Any) -> Tensor:
    """uint8 ``[3, H, W]`` of an image ``[H, W, 3]``.

    Raises:
        ValueError: it is no uint8 RGB image, or an empty one.
    """
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(f"need a uint8 RGB image [H, W, 3], got {array.dtype} {array.shape}")
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


def boxes_inside(boxes: Any, size: tuple[int, int]) -> Tensor:
    """float32 ``[N, 4]`` xyxy, clipped to an image of ``size``, its height and width.

    Raises:
        ValueError: a box is not finite, or has no area inside the image.
    """
    boxes = torch.as_tensor(np.asarray(boxes, dtype=np.float32).reshape(-1, 4))
    height, width = size
    inside = torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]))
    bad = ~(torch.isfinite(boxes).all(dim=1) & (inside[:, 2:] > inside[:, :2]).all(dim=1))
    if bad.any():
        rows = bad.nonzero().flatten().tolist()
        raise ValueError(f"boxes {rows} are not finite xyxy with an area inside the {width}x{height} image")
    return inside
