"""3x3 convolutions of large maps by Winograd's filtering (``winograd.py``): the pyramid's and the proposal network's.

Maps ``[N, C, H, W]`` are cut into square blocks of B = 4b cells on a side, each with the cells around it, which then go
the way of RoIs. With the channels last in memory, cutting is copying whole runs of them. The gradient of a map is a
convolution, too, by the weights turned round.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
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
    """One convolution of ``[N, C, H, W]`` by blocks of ``side`` cells; the result has its channels last in memory.
    Autograd does not see it."""
    matrices, kernel = transforms(side, frame=True), transformed(weight)
    height, width = x.shape[2:]
    result = torch.empty((len(x), weight.shape[0], height, width), memory_format=torch.channels_last)
    strip = x.new_empty((side, -(-width // side), side, weight.shape[0]))
    for target, parts in zip(_strips_of(result.permute(0, 2, 3, 1), side), _strips(x, side, frame=True), strict=True):
        first = 0
        for part in parts:
            products = torch.bmm(to_products(part, matrices.to_tiles), kernel)
            found = from_products(products, matrices.from_tiles, part.shape[2])
            found = found if bias is None else found.add_(bias)
            strip[:, first : first + part.shape[2]] = found.transpose(1, 2)
            first += part.shape[2]
        target.copy_(strip.flatten(1, 2)[: len(target), :width])
    return result


class _Map(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.side = side
        return convolve_map(x, weight, bias, side)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        side, of_input, of_weight, of_bias = ctx.side, None, None, None
        if ctx.needs_input_grad[0]:
            turned = weight.detach().flip(2, 3).transpose(0, 1)
            of_input = convolve_map(gradient, turned, None, side)
        if ctx.needs_input_grad[1]:
            matrices = transforms(side, frame=True)
            products = torch.zeros_like(transformed(weight))
            strips = zip(_strips(x, side, frame=True), _strips(gradient, side, frame=False), strict=True)
            for part, wanted in (pair for both in strips for pair in zip(*both, strict=True)):
                given = to_products(part, matrices.to_tiles)
                products.baddbmm_(given.transpose(1, 2), to_products(wanted, matrices.gradient_to_tiles))
            of_weight = weight_gradient(products)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(dim=(0, 2, 3))
        return of_input, of_weight, of_bias, None


def _strips_of(maps: Tensor, side: int) -> Iterator[Tensor]:
    """The strips ``[side or what is left, W, C]`` of ``maps [N, H, W, C]``."""
    for image in maps:
        yield from image.split(side)


def _strips(x: Tensor, side: int, *, frame: bool) -> Iterator[Iterator[Tensor]]:
    """The blocks of each strip of ``side`` rows of maps ``[N, C, H, W]``: ``[S, S, R, C]``, contiguous, a few at once.

    S is ``side``, with ``frame`` two cells more; what lies beyond the map is zero.
    """
    edge, (height, width) = int(frame), x.shape[2:]
    across = -(-width // side)
    strip = x.new_zeros((side + 2 * edge, across * side + 2 * edge, x.shape[1]))
    blocks = strip.unfold(1, side + 2 * edge, side).permute(0, 3, 1, 2)
    count = -(-across // rois_at_once(side))
    for image in x.permute(0, 2, 3, 1):
        for first in range(0, height, side):
            low, high = max(first - edge, 0), min(first + side + edge, height)
            start = low - first + edge
            strip[:start] = 0
            strip[start : start + high - low, edge : edge + width] = image[low:high]
            strip[start + high - low :] = 0
            yield (part.contiguous() for part in blocks.chunk(count, dim=2))
