"""Class activation maps (CAMs): enlarging and normalising them, in float32 whatever autocast says.

R RoIs; 7 cells on a side as the box head gives them, 14 for the mask head, 28 for the pixel sets.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def minmax_normalize(maps: Tensor) -> Tensor:
    """Shift and scale each row to [0, 1]; the gradient flows through minimum and maximum too.

    A flat map says nothing about any pixel: it becomes zeros with a zero gradient (the released code divides 0 by 0).
    Flat means a span within the rounding of the values themselves, because bilinear enlargement of a constant map
    leaves differences of one unit in the last place, which a division by the span would blow up into a false map.

    Args:
        maps: ``[R, ...]``, any range; half precision is computed and returned in float32.

    Returns:
        the same shape, in [0, 1].
    """
    with torch.autocast(maps.device.type, enabled=False):
        rows = _at_least_float32(maps).flatten(1)
        low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
        span = high - low
        rounding = 4 * torch.finfo(rows.dtype).eps * torch.maximum(low.abs(), high.abs())
        flat = span <= rounding.clamp(min=1e-12)
        # the divisor is mended before the division: a NaN in the branch not taken would still reach the gradient
        scaled = (rows - low) / torch.where(flat, 1.0, span)
        return torch.where(flat, 0.0, scaled).reshape(maps.shape)


def upsample_cam(cam: Tensor, size: int) -> Tensor:
    """Enlarge bilinearly (``align_corners=False``), doubling step by step: 7 to 14 to 28.

    The steps are the method's: 28 made from 14 differs from 28 made from 7 at once.

    Args:
        cam: ``[R, side, side]``; half precision is computed and returned in float32.
        size: side of the result, at least ``side``. What doubling does not reach is bridged by a smaller last step.

    Returns:
        ``[R, size, size]``.

    Raises:
        ValueError: ``size`` is smaller than the map, or the map is not square.
    """
    if cam.dim() != 3 or cam.shape[1] != cam.shape[2] or size < cam.shape[1]:
        raise ValueError(f"a CAM [R, side, side] can be enlarged only; got {tuple(cam.shape)} and size {size}")
    with torch.autocast(cam.device.type, enabled=False):
        maps = _at_least_float32(cam)[:, None]
        while maps.shape[-1] < size:
            step = min(2 * maps.shape[-1], size)
            maps = F.interpolate(maps, size=(step, step), mode="bilinear", align_corners=False)
        return maps[:, 0]


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
