"""The building blocks of the heads: convolutions with ReLU, initialised as the released model, and with GroupNorm."""

from __future__ import annotations

import math
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model import winograd
from contrastmask.model.winograd_gradients import convolved


def kaiming(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Conv2d | nn.ConvTranspose2d:
    """Kaiming-normal weights by fan-out, zero bias; returns ``layer``."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ConvStack(nn.ModuleList):
    """``depth`` times a 3x3 convolution with bias and ReLU: ``[R, C_in, S, S]`` to ``[R, C, S, S]``."""

    def __init__(self, depth: int, in_channels: int, channels: int) -> None:
        widths = [in_channels] + [channels] * depth
        super().__init__(kaiming(nn.Conv2d(a, b, kernel_size=3, padding=1)) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the stack; with ``depth`` 0 it is the identity."""
        if winograd.pays(x, self):
            return convolved(x, self)
        for conv in self:
            x = F.relu(conv(x), inplace=True)
        return x


class NormConv(nn.Sequential):
    """A convolution without bias, and GroupNorm of up to 32 groups: whatever the scale of its input."""

    def __init__(self, in_channels: int, channels: int, *, kernel: int = 3, stride: int = 1) -> None:
        conv = kaiming(nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2, bias=False))
        super().__init__(conv, nn.GroupNorm(math.gcd(32, channels), channels))


class NormStack(nn.Sequential):
    """``depth`` times a 3x3 :class:`NormConv` and ReLU: ``[R, C_in, S, S]`` to ``[R, C, S, S]``."""

    def __init__(self, depth: int, in_channels: int, channels: int) -> None:
        widths = [in_channels] + [channels] * depth
        super().__init__(*(nn.Sequential(NormConv(a, b), nn.ReLU(inplace=True)) for a, b in pairwise(widths)))
