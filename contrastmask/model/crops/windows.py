"""Objects cut out of an image, each with some of what surrounds it, at one size.

N objects; S pixels on a side of what is cut out; boxes and windows xyxy in pixels of the image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def windows_of(boxes: Tensor, context: float) -> Tensor:
    """The boxes with ``context`` of their sides around them, out to whole pixels.

    Args:
        boxes: ``[N, 4]``, with an area.
        context: share of a side that is added at each end of it, at least 0.

    Returns:
        float32 ``[N, 4]`` of whole numbers, sides of at least one pixel; they may reach out of the image.
    """
    boxes = boxes.float()
    margin = context * (boxes[:, 2:] - boxes[:, :2])
    low = (boxes[:, :2] - margin).floor()
    return torch.cat([low, torch.maximum((boxes[:, 2:] + margin).ceil(), low + 1)], dim=1)


def cut_out(image: Tensor, windows: Tensor, side: int, fill: Tensor | float = 0) -> Tensor:
    """What lies inside each window, resized to ``[S, S]`` without aliasing (bilinear, as wide as a cell).

    Args:
        image: ``[C, H, W]``, uint8 or floating point.
        windows: ``[N, 4]`` of whole numbers.
        side: S.
        fill: value, or ``[C]`` values, of what lies outside the image.

    Returns:
        ``[N, C, S, S]`` of the image's type.
    """
    channels = len(image)
    cut = image.new_empty((len(windows), channels, side, side))
    for number, (left, top, right, bottom) in enumerate(windows.long().tolist()):
        inside = image[:, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if inside.shape[1:] != (bottom - top, right - left):
            whole = image.new_empty((channels, bottom - top, right - left))
            whole[:] = torch.as_tensor(fill, dtype=image.dtype, device=image.device).reshape(-1, 1, 1)
            y, x = max(-top, 0), max(-left, 0)
            whole[:, y : y + inside.shape[1], x : x + inside.shape[2]] = inside
            inside = whole
        cut[number] = F.interpolate(inside[None], (side, side), mode="bilinear", antialias=True)[0]
    return cut


def into_windows(boxes: Tensor, windows: Tensor) -> Tensor:
    """Boxes of the image in shares of windows: 0 at a window's left and top, 1 at its right and bottom.

    Args:
        boxes, windows: ``[..., 4]``, of shapes that broadcast.
    """
    corner, sides = windows[..., :2], windows[..., 2:] - windows[..., :2]
    return torch.cat([(boxes[..., :2] - corner) / sides, (boxes[..., 2:] - corner) / sides], dim=-1)


def into_other_windows(grids: Tensor, there: Tensor, here: Tensor) -> Tensor:
    """Grids over some windows, read at the cells of others of the same objects (bilinear).

    Args:
        grids: ``[N, G, G]`` over ``there``.
        there, here: ``[N, 4]`` windows.

    Returns:
        ``[N, G, G]`` over ``here``; beyond ``there`` what its outermost cells have.
    """
    wanted = into_windows(here, there)
    size, middle = wanted[:, 2:] - wanted[:, :2], wanted[:, :2] + wanted[:, 2:] - 1
    # of grid_sample's own frame, -1 to 1 from edge to edge
    affine = torch.stack([torch.diag_embed(size)[:, 0], torch.diag_embed(size)[:, 1]], dim=1)
    places = F.affine_grid(torch.cat([affine, middle[..., None]], dim=2), [len(grids), 1, *grids.shape[1:]], False)
    return F.grid_sample(grids[:, None], places, padding_mode="border", align_corners=False)[:, 0]


def mirrored_boxes(boxes: Tensor) -> Tensor:
    """``[N, 4]`` in shares of crops → those of the mirrored crops."""
    return torch.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], dim=1)


def covered(boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """How much of each column and of each row of an S x S grid boxes cover.

    Args:
        boxes: ``[..., 4]`` in shares of the grid (:func:`into_windows`). side: S.

    Returns:
        ``[..., S]`` of columns and of rows, 0..1; their outer product is the share of each cell that a box covers.
    """
    low = torch.arange(side, device=boxes.device, dtype=boxes.dtype)
    sides = (boxes * side).unbind(dim=-1)

    def along(first: Tensor, last: Tensor) -> Tensor:
        return (torch.minimum(low + 1, last[..., None]) - torch.maximum(low, first[..., None])).clamp(0, 1)

    return along(sides[0], sides[2]), along(sides[1], sides[3])
