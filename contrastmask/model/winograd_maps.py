"""3x3 convolutions of large maps by Winograd's filtering (``winograd.py``): the pyramid's and the proposal network's.

Maps ``[N, C, H, W]`` are cut into square blocks of B = 4b cells on a side, each with the cells around it, which then go
the way of RoIs. The gradient of a map is a convolution, too, by the weights turned round.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from contrastmask.model.winograd import (
    LEAST_CELLS,
    TILE,
    from_products,
    is_plain,
    is_wide,
    rois_at_once,
    to_products,
    transformed,
    transforms,
    weight_gradient,
)

TILES = (5, 4, 6, 7)  # b, the likeliest first: fewer tiles cost frames, more cost longer transforms
MOST_WASTE = 1.25  # cells of all blocks, in those of the map: beyond, direct convolutions are as quick


class MapConv(nn.Conv2d):
    """A convolution of maps, by the shorter way where that pays."""

    @classmethod
    def of(cls, conv: nn.Conv2d) -> MapConv:
        """The same convolution, with the same parameters."""
        made = nn.utils.skip_init(
            cls, conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding, bias=conv.bias is not None
        )
        made.weight, made.bias = conv.weight, conv.bias
        return made

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to ``[N, C', H, W]``."""
        if not (is_plain(x) and is_wide(self) and len(x) * x.shape[2] * x.shape[3] >= LEAST_CELLS):
            return super().forward(x)
        side = block_side(*x.shape[2:])
        if side is None:
            return super().forward(x)
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, self.weight, self.bias)):
            return _Map.apply(x, self.weight, self.bias, side)
        return convolve_map(x, self.weight, self.bias, side)


def block_side(height: int, width: int) -> int | None:
    """B for maps of this size; None where every choice covers too much beside them."""
    waste = {}
    for tiles in TILES:
        side = TILE * tiles
        waste[side] = -(-height // side) * -(-width // side) * side**2 / (height * width)
    best = min(waste, key=waste.__getitem__)
    return best if waste[best] <= MOST_WASTE else None


def convolve_map(x: Tensor, weight: Tensor, bias: Tensor | None, side: int) -> Tensor:
    """One convolution of ``[N, C, H, W]`` by blocks of ``side`` cells. Autograd does not see it."""
    matrices, kernel = transforms(side, frame=True), transformed(weight)
    (height, width), blocks = x.shape[2:], _blocks(x, side, frame=True)
    down, across = blocks.shape[1:3]
    result = x.new_empty((len(x), weight.shape[0], down * side, across * side))
    targets = result.view(len(x), weight.shape[0], down, side, across, side).permute(0, 2, 4, 3, 5, 1)
    for part, target in _parts(side, blocks, targets):
        products = torch.bmm(to_products(part, matrices.to_tiles), kernel)
        found = from_products(products, matrices.from_tiles, part.shape[2])
        target.copy_((found if bias is None else found.add_(bias)).permute(2, 0, 1, 3))
    return result[:, :, :height, :width]


class _Map(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.side = side
        return convolve_map(x, weight, bias, side).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        side, of_input, of_weight, of_bias = ctx.side, None, None, None
        if ctx.needs_input_grad[0]:
            turned = weight.detach().flip(2, 3).transpose(0, 1)
            of_input = convolve_map(gradient, turned, None, side).contiguous()
        if ctx.needs_input_grad[1]:
            matrices = transforms(side, frame=True)
            products = torch.zeros_like(transformed(weight))
            for part, wanted in _parts(side, _blocks(x, side, frame=True), _blocks(gradient, side, frame=False)):
                given = to_products(part, matrices.to_tiles)
                wanted = to_products(wanted.permute(1, 2, 0, 3).contiguous(), matrices.gradient_to_tiles)
                products.baddbmm_(given.transpose(1, 2), wanted)
            of_weight = weight_gradient(products)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(dim=(0, 2, 3))
        return of_input, of_weight, of_bias, None


def _blocks(x: Tensor, side: int, *, frame: bool) -> Tensor:
    """``[N, down, across, side, side, C]`` of maps, zeros beyond them; with ``frame`` ``side + 2`` cells each."""
    edge, (height, width) = int(frame), x.shape[2:]
    right, below = -width % side, -height % side
    padded = F.pad(x, (edge, right + edge, edge, below + edge))
    reach = side + 2 * edge
    return padded.unfold(2, reach, side).unfold(3, reach, side).permute(0, 2, 3, 4, 5, 1)


def _parts(side: int, blocks: Tensor, others: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """A few blocks at a time, of one row of one map: as ``[S, S, R, C]``, contiguous, and those of ``others`` as they
    lie, ``[R, S, S, C]``."""
    for image, other in zip(blocks, others, strict=True):
        for row, its in zip(image, other, strict=True):
            count = -(-len(row) // rois_at_once(side))
            for part, beside in zip(row.chunk(count), its.chunk(count), strict=True):
                yield part.permute(1, 2, 0, 3).contiguous(), beside
