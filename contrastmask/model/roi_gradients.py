"""RoIAlign whose gradient, on a CPU, is two matrix products.

R RoIs, C channels, S cells on a side, a map ``[N, C, H, W]``.

A cell is the mean over a grid of bilinear samples, so that a RoI's cells are ``rows [S, H] @ map @ columns [S, W]^T``.
The gradient goes back through the transposed matrices, where torchvision adds four corners of every sample. Over a
small map all RoIs of an image are summed by one product; over a large one each has the window that its samples read.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torchvision.ops import roi_align

from contrastmask.model.winograd import is_plain

_align = partial(roi_align, sampling_ratio=0, aligned=True)

LEAST_VALUES = 1 << 14  # of all cells: below, torchvision's own gradient is as quick
# multiply-adds of a RoI over the whole map, beyond which its own window is worth an addition
LEAST_WINDOWED = 4_000_000
AT_ONCE = 1 << 20  # values between the two products, so that they lie in the cache


def align_rois(feature: Tensor, rois: Tensor, size: int, scale: float) -> Tensor:
    """Torchvision's RoIAlign, aligned and with adaptive sampling: ``[R, C, S, S]`` float32.

    Args:
        feature: ``[N, C, H, W]``; rois: ``[R, 5]``, image and xyxy; size: S.
        scale: cells of the map a pixel of the box.
    """
    values = len(rois) * feature.shape[1] * size**2
    if feature.requires_grad and torch.is_grad_enabled() and is_plain(feature) and values >= LEAST_VALUES:
        return RoIAlign.apply(feature, rois, size, scale)
    with torch.autocast(feature.device.type, enabled=False):
        return _align(feature.float(), rois, size, scale)


class RoIAlign(torch.autograd.Function):
    """The same with the gradient of this module; there is none of the boxes, and no second derivative."""

    @staticmethod
    def forward(ctx: Any, feature: Tensor, rois: Tensor, size: int, scale: float) -> Tensor:
        ctx.save_for_backward(rois)
        ctx.shape, ctx.scale = feature.shape, scale
        return _align(feature, rois, size, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (rois,) = ctx.saved_tensors
        return gradient_of_map(gradient, rois, ctx.shape, ctx.scale), None, None, None


def gradient_of_map(gradient: Tensor, rois: Tensor, shape: torch.Size, scale: float) -> Tensor:
    """The gradient of the map ``[N, C, H, W]`` from that of the RoIs' cells ``[R, C, S, S]``."""
    result = gradient.new_zeros(shape)
    if len(rois) == 0:
        return result
    size, (channels, height, width) = gradient.shape[-1], shape[1:]
    between = size * channels * width  # values of a RoI after the first product, over the whole map
    whole = between * height <= LEAST_WINDOWED
    image, (x1, y1, x2, y2) = rois[:, 0].long(), (rois[:, 1:] * scale - 0.5).unbind(dim=1)
    rows, columns = interpolation(y1, y2, size, height, whole=whole), interpolation(x1, x2, size, width, whole=whole)
    if whole:
        for number in image.unique().tolist():
            for chosen in torch.where(image == number)[0].split(max(AT_ONCE // between, 1)):
                _add(result[number], gradient[chosen], rows.matrices[chosen], columns.matrices[chosen])
        return result
    spans = zip(image.tolist(), rows.spans, columns.spans, strict=True)
    for roi, (number, (top, tall), (left, wide)) in enumerate(spans):
        if tall and wide:
            only = slice(roi, roi + 1)
            window = result[number, :, top : top + tall, left : left + wide]
            _add(window, gradient[only], rows.matrices[only, :, :tall], columns.matrices[only, :, :wide])
    return result


def _add(window: Tensor, gradient: Tensor, rows: Tensor, columns: Tensor) -> None:
    """Add to a window ``[C, h, w]`` the part of RoIs ``[k, C, S, S]`` with matrices ``[k, S, h]`` and ``[k, S, w]``."""
    channels, height, width = window.shape
    across = torch.bmm(gradient.transpose(1, 2).reshape(len(gradient), -1, columns.shape[1]), columns)
    both = torch.mm(rows.reshape(-1, height).T, across.view(-1, channels * width))
    window.transpose(0, 1).add_(both.view(height, channels, width))


class Interpolation(NamedTuple):
    """``matrices [R, S, M]``, of cells and positions along a side, and each RoI's first position and their number.

    Beyond its number a RoI's matrix is zero.
    """

    matrices: Tensor
    spans: list[tuple[int, int]]


def interpolation(low: Tensor, high: Tensor, cells: int, length: int, *, whole: bool) -> Interpolation:
    """The shares of a side's ``length`` positions in the cells of RoIs ``[R]``, whose ends are in positions.

    Samples are placed in torchvision's order of operations: one upon the border must fall on the same side of it.

    Args:
        whole: matrices over the whole side, not from each RoI's first position.
    """
    extent = (high - low) / cells
    samples = extent.ceil().clamp(min=0).long()  # of a cell; a RoI without extent has none
    counts = samples * cells
    roi = torch.arange(len(low)).repeat_interleave(counts)
    nth = torch.arange(len(roi)) - (counts.cumsum(0) - counts)[roi]
    cell, nth = nth // samples[roi], nth % samples[roi]
    at = low[roi] + cell * extent[roi] + (nth + 0.5) * extent[roi] / samples[roi]
    share = ((at >= -1) & (at <= length)).to(at.dtype) / samples[roi]
    at = at.clamp(min=0, max=length - 1)
    below = at.long()
    above = (below + 1).clamp(max=length - 1)
    to_above = (at - below) * share
    first, end = torch.zeros_like(samples), torch.full_like(samples, length)
    if not whole:
        end = torch.zeros_like(samples).scatter_reduce(0, roi, above + 1, "amax")
        first = end.scatter_reduce(0, roi, below, "amin")
    spans = list(zip(first.tolist(), (end - first).tolist(), strict=True))
    matrices = low.new_zeros((len(low), cells, max(span for _, span in spans)))
    start = (roi * cells + cell) * matrices.shape[2] - first[roi]
    matrices.view(-1).scatter_add_(0, start + below, share - to_above).scatter_add_(0, start + above, to_above)
    return Interpolation(matrices, spans)
