"""RoIAlign on a CPU as matrix products, of which its gradient is the way back.

R RoIs, C channels, S cells on a side, a map ``[N, C, H, W]`` that has its channels last in memory, or is copied so.

A cell is the mean over a grid of bilinear samples, so that a RoI's cells are ``rows [S, H] @ map @ columns [S, W]^T``,
where torchvision reads, and in the gradient adds to, four corners of every sample. Over a small map all RoIs of an
image are one product; over a large one each has the window that its samples read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torchvision.ops import roi_align

from contrastmask.model.winograd import is_plain

_align = partial(roi_align, sampling_ratio=0, aligned=True)

LEAST_VALUES = 1 << 14  # of all cells: below, torchvision's own way is as quick
# multiply-adds of a RoI over the whole map, beyond which its own window is worth products of its own
LEAST_WINDOWED = 4_000_000
AT_ONCE = 1 << 20  # values between the two products, so that they lie in the cache


def align_rois(feature: Tensor, rois: Tensor, size: int, scale: float) -> Tensor:
    """Torchvision's RoIAlign, aligned and with adaptive sampling: ``[R, C, S, S]`` float32.

    Args:
        feature: ``[N, C, H, W]``; rois: ``[R, 5]``, image and xyxy; size: S.
        scale: cells of the map a pixel of the box.
    """
    if is_plain(feature) and len(rois) * feature.shape[1] * size**2 >= LEAST_VALUES:
        return RoIAlign.apply(feature, rois, size, scale)
    with torch.autocast(feature.device.type, enabled=False):
        return _align(feature.float(), rois, size, scale)


class RoIAlign(torch.autograd.Function):
    """The same by products; there is no gradient of the boxes, and no second derivative."""

    @staticmethod
    def forward(ctx: Any, feature: Tensor, rois: Tensor, size: int, scale: float) -> Tensor:
        ctx.save_for_backward(rois)
        ctx.shape, ctx.scale = feature.shape, scale
        return cells_of_map(feature, rois, size, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (rois,) = ctx.saved_tensors
        return gradient_of_map(gradient, rois, ctx.shape, ctx.scale), None, None, None


def cells_of_map(feature: Tensor, rois: Tensor, size: int, scale: float) -> Tensor:
    """The RoIs' cells ``[R, C, S, S]``, channels last in memory; autograd does not see it."""
    maps = feature.permute(0, 2, 3, 1).contiguous()
    result = torch.empty(
        (len(rois), feature.shape[1], size, size), dtype=feature.dtype, memory_format=torch.channels_last
    ).zero_()
    found = result.permute(0, 2, 3, 1)
    for part in _parts(rois, size, scale, feature.shape):
        count = len(part.rows) * size
        between = torch.mm(part.rows.flatten(0, 1), part.of(maps).flatten(1)).view(count, -1, maps.shape[3])
        found[part.rois] = torch.bmm(part.columns_by_row, between).view(-1, size, size, maps.shape[3])
    return result


def gradient_of_map(gradient: Tensor, rois: Tensor, shape: torch.Size, scale: float) -> Tensor:
    """The gradient of the map ``[N, C, H, W]``, channels last in memory, from that of the RoIs' cells
    ``[R, C, S, S]``."""
    cells = gradient.permute(0, 2, 3, 1)
    result = gradient.new_zeros((shape[0], *shape[2:], shape[1]))
    for part in _parts(rois, gradient.shape[-1], scale, shape):
        given = cells[part.rois].reshape(-1, *cells.shape[2:])
        between = torch.bmm(part.columns_by_row.transpose(1, 2), given)
        window = part.of(result)
        window.view(len(window), -1).addmm_(part.rows.flatten(0, 1).T, between.flatten(1))
    return result.permute(0, 3, 1, 2)


class _Part(NamedTuple):
    """RoIs that share a window ``[h, w]`` of an image: ``rows [k, S, h]``, ``columns [k, S, w]``."""

    rois: Tensor | slice
    image: int
    window: tuple[slice, slice]
    rows: Tensor
    columns: Tensor

    def of(self, maps: Tensor) -> Tensor:
        """The window ``[h, w, C]`` of ``maps [N, H, W, C]``."""
        return maps[self.image][self.window]

    @property
    def columns_by_row(self) -> Tensor:
        """``[k * S, S, w]``, the same for every row of a RoI's cells."""
        count, size, width = self.columns.shape
        return self.columns[:, None].expand(-1, size, -1, -1).reshape(count * size, size, width)


def _parts(rois: Tensor, size: int, scale: float, shape: torch.Size) -> Iterator[_Part]:
    """All RoIs that any sample of reads a map of this shape, a few or one at a time."""
    if len(rois) == 0:
        return
    channels, height, width = shape[1:]
    between = size * channels * width  # values of a RoI after the first product, over the whole map
    whole = between * height <= LEAST_WINDOWED
    image, (x1, y1, x2, y2) = rois[:, 0].long(), (rois[:, 1:] * scale - 0.5).unbind(dim=1)
    rows, columns = interpolation(y1, y2, size, height, whole=whole), interpolation(x1, x2, size, width, whole=whole)
    if whole:
        for number in image.unique().tolist():
            for chosen in torch.where(image == number)[0].split(max(AT_ONCE // between, 1)):
                everything = (slice(None), slice(None))
                yield _Part(chosen, number, everything, rows.matrices[chosen], columns.matrices[chosen])
        return
    spans = zip(image.tolist(), rows.spans, columns.spans, strict=True)
    for roi, (number, (top, tall), (left, wide)) in enumerate(spans):
        if tall and wide:
            only, window = slice(roi, roi + 1), (slice(top, top + tall), slice(left, left + wide))
            yield _Part(only, number, window, rows.matrices[only, :, :tall], columns.matrices[only, :, :wide])


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
