"""Colours whose distances are those that people see."""

from __future__ import annotations

import torch
from torch import Tensor

# linear sRGB to XYZ (IEC 61966-2-1), each row divided by the white point D65
_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.950456, 1.0, 1.088754)


def lab(rgb: Tensor) -> Tensor:
    """CIE L*a*b* (CIE 15) of sRGB.

    Args:
        rgb: ``[N, 3, H, W]``, 0..255.

    Returns:
        float32 ``[N, 3, H, W]``: L in 0..100, a and b in about -110..110.
    """
    share = rgb.float() / 255
    linear = torch.where(share > 0.04045, ((share + 0.055) / 1.055).clamp(min=0) ** 2.4, share / 12.92)
    xyz = torch.einsum("ij,njhw->nihw", linear.new_tensor(_XYZ) / linear.new_tensor(_WHITE)[:, None], linear)
    bent = torch.where(xyz > 0.008856, xyz.clamp(min=1e-8) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = bent.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)
