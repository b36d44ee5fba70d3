"""Masks between the image and the box: training targets, pasting, COCO run lengths.

M object masks, P RoIs, D detections, S cells on a side of a box's grid; H x W pixels of an image; boxes xyxy.

Pasting follows MMDetection: the value of a pixel is the grid sampled bilinearly at the pixel's centre, cell centres
half a cell inside the box, zero outside the grid; foreground where the value reaches the threshold. (torchvision's
legacy rule rounds the box to whole pixels: IoU 0.95 between the two for objects of 30 px.)

Bilinear sampling is separable, so the window of a box is ``X @ grid.T @ Y.T`` with two small interpolation matrices: a
pixel costs S multiply-adds in one matrix product and is never touched again outside the box.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import roi_align

from contrastmask.runtime.pasting import Size, encode, window_of


def mask_targets(masks: Tensor, boxes: Tensor, index: Tensor, size: int = 28) -> Tensor:
    """What the mask head should say inside each box.

    Args:
        masks: ``[M, H, W]`` in {0, 1}, the object masks of *one* image in the frame of ``boxes``.
        boxes: ``[P, 4]`` in pixels of the network input; clipped to the image first, as MMDetection does.
        index: int64 ``[P]``, the row of ``masks`` for each box.
        size: S.

    Returns:
        bool ``[P, S, S]``: aligned RoIAlign with adaptive sampling of the bitmap, >= 0.5.

    Raises:
        IndexError: an index has no mask (not checked on a GPU, where the answer would have to be waited for, unless
            there is no mask at all).
    """
    if len(boxes) == 0:
        return torch.zeros((0, size, size), dtype=torch.bool, device=boxes.device)
    # RoIAlign reads whatever memory a wrong index points to
    if len(masks) == 0 or (not index.is_cuda and (int(index.min()) < 0 or int(index.max()) >= len(masks))):
        raise IndexError(f"mask indices must be in 0..{len(masks) - 1}, got {index.tolist()}")
    height, width = masks.shape[-2:]
    limit = boxes.new_tensor([width, height, width, height], dtype=torch.float32)
    with torch.autocast(boxes.device.type, enabled=False):
        clipped = torch.minimum(boxes.float().clamp(min=0), limit)
        rois = torch.cat([index[:, None].float(), clipped], dim=1)
        soft = roi_align(masks[:, None].float(), rois, size, sampling_ratio=0, aligned=True)
    return soft[:, 0] >= 0.5


def paste_masks(mask_probs: Tensor, boxes: Tensor, image_size: Size, threshold: float = 0.5) -> Tensor:
    """Bitmaps of the whole image; :func:`encode_masks` gives the same ones without ever holding them.

    Args:
        mask_probs: ``[D, S, S]`` in 0..1.
        boxes: ``[D, 4]`` in pixels of the image; a box without area or outside the image gives an empty mask.
        image_size: ``(H, W)``.
        threshold: a pixel is foreground from here on, in (0, 1].

    Returns:
        bool ``[D, H, W]`` on the device of ``mask_probs``.

    Raises:
        ValueError: shapes do not fit, or the threshold or the image size makes no sense.
        FloatingPointError: a probability or a box is not finite.
    """
    grids, corners = _checked(mask_probs, boxes, image_size, threshold)
    canvas = np.zeros((len(grids), *image_size), dtype=bool)
    for row, grid, box in zip(canvas, grids, corners.tolist(), strict=True):
        left, top, window = window_of(grid, box, image_size, threshold)
        row[top : top + window.shape[1] - 1, left : left + len(window)] = window[:, :-1].T
    return torch.from_numpy(canvas).to(mask_probs.device)


def encode_masks(mask_probs: Tensor, boxes: Tensor, image_size: Size, threshold: float = 0.5) -> list[dict[str, Any]]:
    """COCO run lengths of the masks that :func:`paste_masks` would draw, in work and memory of the boxes alone.

    Args, Raises:
        as :func:`paste_masks`.

    Returns:
        D dicts ``{"size": [H, W], "counts": str}``, ready for JSON and for pycocotools.
    """
    return encode(*_checked(mask_probs, boxes, image_size, threshold), image_size, threshold)


def _checked(mask_probs: Tensor, boxes: Tensor, image_size: Size, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Float32 grids ``[D, S, S]`` and float64 boxes ``[D, 4]`` on the host, known to be sound."""
    if mask_probs.ndim != 3 or boxes.shape != (len(mask_probs), 4):
        raise ValueError(f"need masks [D, S, S] and boxes [D, 4], got {tuple(mask_probs.shape)}, {tuple(boxes.shape)}")
    if not 0 < threshold <= 1:
        raise ValueError(f"the mask threshold must be in (0, 1], got {threshold}")
    if min(image_size) < 1:
        raise ValueError(f"an image needs at least one pixel, got (height, width) = {tuple(image_size)}")
    grids = mask_probs.detach().to("cpu", torch.float32).numpy()
    corners = boxes.detach().to("cpu", torch.float64).numpy()
    for name, values in (("mask probability", grids), ("box", corners)):
        if not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1)).tolist()
            raise FloatingPointError(f"the {name} of detection {bad} is not finite")
    return grids, corners
