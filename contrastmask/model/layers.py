"""The one building block of every head: 3x3 convolutions with ReLU, initialised as the released model."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


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
        for conv in self:
            x = F.relu(conv(x), inplace=True)
        return x
