"""An hourglass as the body of a mask head.

The shape is that of the single hourglass in the public configuration of Deep-MARC (TensorFlow model garden,
``deepmac_maskrcnn``; Birodkar et al., The surprising impact of mask-head architecture on novel class segmentation, ICCV
2021): a 3x3 convolution and a residual block, then levels that each keep a copy, halve, go deeper and come back by
nearest upsampling and addition, then a 3x3 convolution. With n the base width the levels are 2n, 2n, 3n, 3n, 3n, 4n
wide; ``blocks`` [1, 2, 2] is its Hourglass-20, [2, 2, 2, 2, 2, 4] its Hourglass-52. Two things differ here: GroupNorm
in place of BatchNorm (a step may have few objects with masks), and RoIs of 14 cells instead of 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model.layers import NormConv

WIDTHS = (2, 2, 3, 3, 3, 4)  # of the levels, in base widths


class Hourglass(nn.Module):
    """``[R, C_in, S, S]`` to ``[R, C, S, S]``, any S.

    Args:
        in_channels: C_in; channels: C, even: twice the base width.
        blocks: residual blocks a level, outermost first, 2..6 levels.

    Raises:
        ValueError: an odd width, or another number of levels.
    """

    def __init__(self, in_channels: int, channels: int, blocks: Sequence[int] = (1, 2, 2)) -> None:
        super().__init__()
        if channels % 2 or not 2 <= len(blocks) <= len(WIDTHS) or min(blocks) < 1:
            raise ValueError(f"an hourglass needs an even width and 2..{len(WIDTHS)} levels, got {channels}, {blocks}")
        widths = [channels // 2 * width for width in WIDTHS[: len(blocks)]]
        self.entry = NormConv(in_channels, channels // 2)
        self.first = Residual(channels // 2, channels)
        self.levels = _Level(widths, blocks)
        self.exit = NormConv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return F.relu(self.exit(self.levels(self.first(F.relu(self.entry(x))))))


class _Level(nn.Module):
    """A copy at this size, and the way down, through the levels below, and up again, added."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        outer, inner, count = widths[0], widths[1], blocks[0]
        self.copy = nn.Sequential(*(Residual(outer, outer) for _ in range(count)))
        self.down = _chain([outer] + [inner] * count, stride=2)
        self.inner = _Level(widths[1:], blocks[1:]) if len(widths) > 2 else _chain([inner] * (blocks[1] + 1))
        self.up = _chain([inner] * count + [outer])

    def forward(self, x: Tensor) -> Tensor:
        below = self.up(self.inner(self.down(x)))
        return self.copy(x) + F.interpolate(below, size=x.shape[-2:], mode="nearest")


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (1x1 where width or size change)."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.one = NormConv(in_channels, channels, stride=stride)
        self.two = NormConv(channels, channels)
        change = in_channels != channels or stride > 1
        self.shortcut = NormConv(in_channels, channels, kernel=1, stride=stride) if change else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``[R, C_in, S, S]`` to ``[R, C, S / stride, S / stride]``, rounded up."""
        return F.relu(self.two(F.relu(self.one(x))) + self.shortcut(x))


def _chain(widths: Sequence[int], stride: int = 1) -> nn.Sequential:
    steps = [stride] + [1] * len(widths)
    return nn.Sequential(*(Residual(a, b, s) for (a, b), s in zip(pairwise(widths), steps, strict=False)))
