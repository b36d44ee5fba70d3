"""What the network is told of boxes, as planes beside the colours of a crop: which object is meant, and what is near.

N crops of side S; boxes in shares of their crops (:func:`contrastmask.model.crops.windows.into_windows`).
"""

from __future__ import annotations

import torch
from torch import Tensor

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


def near_of(stored: Tensor) -> Tensor:
    """The float32 plane of :func:`near_as_bytes`."""
    return stored.float() * (MOST / 254)


def planes_of(boxes: Tensor, neighbours: Tensor) -> Tensor:
    """The network's ``[N, 2, S, S]`` of each crop's own box, ``[N, 4]``, and its :func:`neighbour_plane`."""
    return torch.stack([box_plane(boxes, neighbours.shape[-1]), neighbours], dim=1)
