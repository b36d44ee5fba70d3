"""Residual blocks whose convolutions take their BatchNorm in, where its statistics stand still.

A BatchNorm in eval mode is a factor and an offset a channel. Multiplied into the convolution's weights, they cost
nothing, and training keeps one map a convolution for the backward pass instead of two. Autograd goes through the
product, so that weights and the norm's affine part learn as they would apart.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck


class _Folding:
    """The forward pass of a block of torchvision, with folded convolutions where that is possible."""

    def forward(self, x: Tensor) -> Tensor:
        """As torchvision's."""
        if not folds(self.bn1, x):
            return super().forward(x)
        names = [n for n in ("1", "2", "3") if hasattr(self, f"conv{n}")]
        out = x
        for name in names[:-1]:
            out = self.relu(convolved(out, getattr(self, f"conv{name}"), getattr(self, f"bn{name}")))
        last = names[-1]
        out = convolved(out, getattr(self, f"conv{last}"), getattr(self, f"bn{last}"))
        return self.relu(out.add_(x if self.downsample is None else convolved(x, *self.downsample)))


class FoldingBasicBlock(_Folding, BasicBlock):
    """Two 3x3 convolutions."""


class FoldingBottleneck(_Folding, Bottleneck):
    """1x1, 3x3, 1x1."""


def folds(norm: Any, x: Tensor) -> bool:
    """Whether a convolution of ``x`` may take ``norm`` in: a BatchNorm in eval mode, on a CPU, in one precision.

    Autocast would round the product instead of the weights; GPUs' libraries and exported graphs' runtimes fuse by
    themselves.
    """
    return (
        type(norm) is nn.BatchNorm2d
        and not norm.training
        and norm.affine
        and norm.track_running_stats
        and x.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def convolved(x: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """``norm(conv(x))`` of a convolution without bias and a BatchNorm in eval mode."""
    weight, bias = folded(conv.weight, norm)
    return F.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def folded(weight: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The weight ``[C', C, k, k]`` and bias ``[C']`` of a convolution without bias with the norm after it in them."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
