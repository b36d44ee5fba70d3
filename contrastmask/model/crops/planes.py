"""What the network is told of boxes, as planes beside the colours of a crop: which object is meant, what is near, and
where a detector has seen its class.

N crops of side S; boxes in shares of their crops (:func:`contrastmask.model.crops.windows.into_windows`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from contrastmask.losses.cam import minmax_normalize
from contrastmask.model.crops.windows import covered
from contrastmask.runtime.windows import MOST


def box_plane(boxes: Tensor, side: int) -> Tensor:
    """``[N, 4]`` → ``[N, S, S]``: 1 inside each crop's own box, -1 outside, in between where its edge runs."""
    columns, rows = covered(boxes, side)
    return 2 * rows[:, :, None] * columns[:, None, :] - 1


def neighbour_plane(boxes: Tensor, counts: Tensor, side: int) -> Tensor:
    """How many other boxes lie over each place of a crop.

    Args:
        boxes: ``[N, M, 4]``, the M boxes of the image in shares of each of its N crops.
        counts: bool ``[N, M]``, False for a crop's own box.

    Returns:
        ``[N, S, S]`` in 0..2.
    """
    columns, rows = covered(boxes, side)
    return torch.bmm((rows * counts[..., None]).mT, columns).clamp(max=MOST)


def near_as_bytes(plane: Tensor) -> Tensor:
    """A :func:`neighbour_plane` as uint8, for batches on their way; :func:`near_of` turns it back, to 1/127."""
    return (plane * (254 / MOST)).round().to(torch.uint8)


def mask_of(shares: Tensor) -> Tensor:
    """float32 in 0..1: each cell's share that is the object's, from the bytes of a batch."""
    return shares.float() / 255


def near_of(stored: Tensor) -> Tensor:
    """The float32 plane of :func:`near_as_bytes`."""
    return stored.float() * (MOST / 254)


def cam_plane(boxes: Tensor, cams: Tensor, side: int) -> Tensor:
    """A detector's class activation maps where they belong in crops.

    Args:
        boxes: ``[N, 4]`` in shares of the crops, what the maps are of; cams: ``[N, 7, 7]``, unnormalised.

    Returns:
        float32 ``[N, S, S]`` in 0..1, each map from its least to its greatest cell, bilinear; 0 outside the box.
    """
    boxes, maps = boxes.float(), minmax_normalize(cams)
    centres = (torch.arange(side, device=boxes.device) + 0.5) / side
    # of grid_sample's own frame, -1 to 1 from edge to edge of the box
    across, down = (
        2 * (centres - boxes[:, low, None]) / (boxes[:, low + 2] - boxes[:, low])[:, None] - 1 for low in (0, 1)
    )
    places = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), dim=-1)
    plane = F.grid_sample(maps[:, None], places, padding_mode="border", align_corners=False)[:, 0]
    columns, rows = covered(boxes, side)
    return plane * rows[:, :, None] * columns[:, None, :]


def planes_of(boxes: Tensor, neighbours: Tensor) -> Tensor:
    """The network's ``[N, 2, S, S]`` of each crop's own box, ``[N, 4]``, and its :func:`neighbour_plane`."""
    return torch.stack([box_plane(boxes, neighbours.shape[-1]), neighbours], dim=1)
