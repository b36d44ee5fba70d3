"""Layers of the crop branch for inference on a CPU, over maps laid out as [row, column, crop, channel].

N crops, S cells on a side, C channels: float32 ``[S, S, N, C]``, contiguous. So laid out every layer is a product of
matrices without a copy before it: 1x1 convolutions, larger ones by Winograd's filtering
(:mod:`contrastmask.model.winograd`), the way up by a matrix that interpolates. Autograd does not see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model.winograd import TILE, from_products, to_products, transformed, transforms

LARGEST = 16  # cells on a side that are transformed together: more cost longer transforms, fewer more frames
AT_ONCE = 2**17  # values of a map that lie in a core's own cache while they are summed up, or scaled


class GridConv(nn.Module):
    """A convolution with bias.

    Args:
        weight: ``[C', C, k, k]``, k 1, or 3 with zeros around the map. bias: ``[C']``; None: none.
        stride: 1 or 2.
    """

    @staticmethod
    def of(weight: Tensor, bias: Tensor | None, stride: int) -> GridConv:
        """By the way that its size and stride ask for."""
        if weight.shape[-1] == 1:
            return OneCell(weight.flatten(1).T, bias, stride)
        if stride == 1:
            return Filtered(transformed(weight), bias, stride)
        return EverySecond(weight.permute(2, 3, 1, 0).flatten(0, 2), bias, stride)

    def __init__(self, factors: Tensor, bias: Tensor | None, stride: int) -> None:
        super().__init__()
        self.register_buffer("factors", factors.detach().contiguous(), persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach(), persistent=False)
        self.stride = stride

    def _with_bias(self, products: Tensor) -> Tensor:
        return products if self.bias is None else products.add_(self.bias)


class OneCell(GridConv):
    """1x1."""

    def forward(self, x: Tensor) -> Tensor:
        """``[S, S, N, C]`` to ``[S / stride, S / stride, N, C']``."""
        x = x[:: self.stride, :: self.stride].contiguous()
        return self._with_bias(torch.mm(x.flatten(0, 2), self.factors)).view(*x.shape[:3], -1)


class EverySecond(GridConv):
    """3x3 at every second cell, S even: one product of all nine cells."""

    def forward(self, x: Tensor) -> Tensor:
        """``[S, S, N, C]`` to ``[S / 2, S / 2, N, C']``."""
        side, padded = len(x), F.pad(x, (0, 0, 0, 0, 1, 1, 1, 1))
        found = x.new_empty((side // 2, side // 2, x.shape[2], self.factors.shape[1]))
        for row, target in enumerate(found):
            three = padded[2 * row : 2 * row + 3]
            nine = torch.stack([line[b : b + side : 2] for line in three for b in range(3)], dim=2)
            torch.mm(nine.view(-1, len(self.factors)), self.factors, out=target.flatten(0, 1))
        return self._with_bias(found)


class Filtered(GridConv):
    """3x3 by Winograd's filtering, in blocks of a map that are small enough for a core's own cache."""

    def forward(self, x: Tensor) -> Tensor:
        """``[S, S, N, C]`` to ``[S, S, N, C']``."""
        side, found = len(x), x.new_empty((*x.shape[:3], self.factors.shape[2]))
        back = transforms(block_side(side)).from_tiles
        for rows, its_rows, down in _cuts(side):
            for columns, its_columns, across in _cuts(side):
                tiles = to_products(x[its_rows, its_columns], down, across)
                from_products(torch.bmm(tiles, self.factors), back, x.shape[2], found[rows, columns])
        return self._with_bias(found)


class NormRelu(nn.Module):
    """GroupNorm and ReLU, in place."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        self.register_buffer("weight", norm.weight.detach().view(1, self.groups, -1))
        self.register_buffer("bias", norm.bias.detach().view(1, self.groups, -1))

    def forward(self, x: Tensor) -> Tensor:
        """``[S, S, N, C]``, the same tensor."""
        crops, flat = x.shape[2], x.view(len(x) ** 2, -1)
        parts = flat.split(max(AT_ONCE // flat.shape[1], 1))
        sums = torch.stack([torch.stack([part.sum(dim=0), part.square().sum(dim=0)]) for part in parts]).sum(dim=0)
        mean, square = (sums / len(flat)).view(2, crops, self.groups, -1).mean(dim=-1, keepdim=True)
        scale = self.weight * ((square - mean**2).clamp(min=0) + self.eps).rsqrt()
        offset, scale = (self.bias - mean * scale).flatten(), scale.flatten()
        for part in parts:
            torch.addcmul(offset, part, scale, out=part).relu_()
        return x


def add_upwards(x: Tensor, larger: Tensor) -> Tensor:
    """``larger [2S, 2S, N, C]`` with ``x [S, S, N, C]`` added to it, interpolated (bilinear, cells as areas)."""
    matrix = _upwards(len(x))
    across = torch.bmm(matrix.expand(len(x), -1, -1), x.flatten(2))
    larger.view(len(larger), -1).addmm_(matrix, across.view(len(x), -1))
    return larger


@cache
def block_side(side: int) -> int:
    """Cells on a side of the blocks that a map of ``side`` is cut into; the side itself where none divides it."""
    if side <= LARGEST:
        return side
    return next((block for block in range(LARGEST, 0, -TILE) if side % block == 0), side)


def _cuts(side: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Along a side, of each block: its cells, those that they are made of, and the matrix from these to tiles."""
    block = block_side(side)
    for first in range(0, side, block):
        low, high = max(first - 1, 0), min(first + block + 1, side)
        yield slice(first, first + block), slice(low, high), _to_tiles(block, first == 0, first + block == side)


@cache
def _to_tiles(block: int, first: bool, last: bool) -> Tensor:
    """``[6t, …]``; the first and the last block have zeros beyond them, which no cell is given for."""
    if first and last:
        return transforms(block).to_tiles
    matrix = transforms(block, frame=True).to_tiles
    return matrix[:, int(first) : matrix.shape[1] - int(last)].contiguous()


@cache
def _upwards(side: int) -> Tensor:
    """``[2S, S]``, from values of cells to those at twice as many."""
    return F.interpolate(torch.eye(side)[None], size=2 * side, mode="linear", align_corners=False)[0].T.contiguous()
