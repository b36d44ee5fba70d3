"""A convolution, its BatchNorm in training and a ReLU, of which only input and result are kept for the backward pass.

The convolution's own result, as large as either, is computed again there, where a product of that size is cheap beside
what it stands next to. Results and gradients are those of the three modules one after the other, bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from contrastmask.model.winograd import is_plain


def normed(x: Tensor, conv: nn.Conv2d, norm: nn.Module) -> Tensor:
    """``relu(norm(conv(x)))`` of a 1x1 convolution without bias: ``[R, C, S, S]`` to ``[R, C', S, S]``."""
    if not _keeps_less(x, norm):
        return F.relu(norm(conv(x)), inplace=True)
    norm.num_batches_tracked.add_(1)
    return _Normed.apply(x, conv.weight, norm.weight, norm.bias, norm)


def _keeps_less(x: Tensor, norm: nn.Module) -> bool:
    """Whether there is a backward pass to keep something for; on a CPU, in float32, where it was measured."""
    return (
        torch.is_grad_enabled()
        and type(norm) is nn.BatchNorm2d
        and norm.training
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and is_plain(x)
    )


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> Tensor:
        y, mean, scale = torch.native_batch_norm(
            F.conv2d(x, kernel), weight, bias, norm.running_mean, norm.running_var, True, norm.momentum, norm.eps
        )
        y.relu_()
        ctx.save_for_backward(x, kernel, weight, mean, scale, y)
        ctx.eps = norm.eps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel, weight, mean, scale, y = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradient, y, 0)
        gradient, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, F.conv2d(x, kernel), weight, None, None, mean, scale, True, ctx.eps, [True, True, True]
        )
        sides = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)  # stride, padding, dilation, transposed, its padding, groups
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        of_input, of_kernel, _ = torch.ops.aten.convolution_backward(gradient, x, kernel, None, *sides, wanted)
        return of_input, of_kernel, of_weight, of_bias, None
