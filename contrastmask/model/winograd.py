"""3x3 convolutions of RoIs in a third of the multiply-adds, on a CPU: Winograd's filtering F(4x4, 3x3).

R RoIs, C channels, S cells on a side, t = ceil(S / 4) tiles along it.

A tile of 4x4 results is made of 6x6 inputs with 36 products a channel pair instead of 144 (Lavin and Gray, CVPR 2016).
The usual implementation copies overlapping tiles, which costs what the products save. Here a whole side is transformed
by one banded matrix that holds the tiles' overlaps and the zero padding: every step is a matrix product, and the layout
[row, column, RoI, channel] keeps all of them contiguous over a stack of layers. Gradients go the same way backwards,
through the transposed matrices (``winograd_gradients.py``).

The points 0, ±3/4, ±3/2 (and infinity) were chosen by measured rounding at 256 channels: 2e-6 of the largest value a
layer, where a direct convolution has 3e-7 and the textbook's 0, ±1, ±2 have 9e-6.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
TILE, REACH = 4, 6  # results of a tile along a side, and the inputs that they are made of
AT_ONCE = 4 * 28 * 28  # cells whose transforms (18 kB each at 256 channels) lie in the last cache together
LEAST_CHANNELS = 128  # below, the transforms outweigh the products that they save
LEAST_CELLS = 2 * 28 * 28  # below, transforming the weights does


class Transforms(NamedTuple):
    """The banded matrices of a side: to tiles ``[6t, S]`` and back ``[S, 6t]``, of values and of gradients."""

    to_tiles: Tensor
    from_tiles: Tensor
    gradient_to_tiles: Tensor
    gradient_from_tiles: Tensor


def pays(x: Tensor, layers: Sequence[nn.Conv2d]) -> bool:
    """Whether RoIs ``[R, C, S, S]`` are better convolved here: on a CPU, in float32, wide and many.

    bfloat16 has faster direct convolutions, GPUs' libraries choose by themselves, and an exported graph is plain.
    """
    return (
        is_plain(x)
        and x.shape[2] == x.shape[3]
        and len(x) * x.shape[2] ** 2 >= LEAST_CELLS
        and len(layers) > 0
        and all(map(is_wide, layers))
    )


def is_plain(x: Tensor) -> bool:
    """Whether ``x`` is convolved on a CPU, in float32, for itself and not for a graph that something else runs."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def is_wide(conv: nn.Conv2d) -> bool:
    """Whether it is a 3x3 convolution with bias, a zero around the map, and channels enough."""
    shape = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups, conv.padding_mode)
    plain = conv.bias is not None and shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
    return plain and min(conv.in_channels, conv.out_channels) >= LEAST_CHANNELS


def convolve_rois(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Convolutions with ReLU, one after the other, over ``[R, C, S, S]``; the result ``[R, C', S, S]`` has its channels
    last in memory. Autograd does not see it.

    Args:
        weights: ``[C', C, 3, 3]`` each; biases: ``[C']`` each.
    """
    side = x.shape[2]
    matrices = transforms(side)
    layers = [(transformed(weight), bias.detach()) for weight, bias in zip(weights, biases, strict=True)]
    result = x.new_empty((len(x), side, side, weights[-1].shape[0]))
    for part, target in zip(x.split(rois_at_once(side)), result.split(rois_at_once(side)), strict=True):
        part = grid_first(part)
        for weight, bias in layers:
            products = torch.bmm(to_products(part, matrices.to_tiles), weight)
            part = from_products(products, matrices.from_tiles, part.shape[2]).add_(bias).relu_()
        target.copy_(part.permute(2, 0, 1, 3))
    return result.permute(0, 3, 1, 2)


def rois_at_once(side: int) -> int:
    """RoIs that go through a stack together."""
    return max(AT_ONCE // side**2, 1)


def grid_first(x: Tensor) -> Tensor:
    """``[R, C, S, S]`` as ``[S, S, R, C]``, contiguous."""
    return x.permute(2, 3, 0, 1).contiguous()


def to_products(x: Tensor, down: Tensor, across: Tensor | None = None) -> Tensor:
    """``[S, S', R, C]`` to ``[36, t * t' * R, C]``, by a matrix ``[6t, S]`` for the rows and one ``[6t', S']`` for the
    columns, None: the same; 36 is (point across, point down)."""
    across = down if across is None else across
    values = torch.bmm(across.expand(len(x), -1, -1), x.flatten(2)).view(len(x), REACH, -1).transpose(0, 1)
    return torch.bmm(down.expand(REACH, -1, -1), values).view(REACH * REACH, -1, x.shape[-1])


def from_products(products: Tensor, matrix: Tensor, rois: int, found: Tensor | None = None) -> Tensor:
    """``[36, t * t * R, C]`` to ``[S, S, R, C]``, by a matrix ``[S, 6t]``; into ``found`` where that is given."""
    side, channels = len(matrix), products.shape[-1]
    if found is None:
        found = products.new_empty((side, side, rois, channels))
    points = products.view(REACH, matrix.shape[1], -1)
    down = products.new_empty((side, REACH, points.shape[-1]))
    for given, target in zip(points, down.unbind(dim=1), strict=True):
        torch.mm(matrix, given, out=target)
    down = down.view(side, matrix.shape[1], rois * channels)
    torch.bmm(matrix.expand(side, -1, -1), down, out=found.flatten(2))
    return found


def transformed(weight: Tensor) -> Tensor:
    """Weights ``[C', C, 3, 3]`` as ``[36, C, C']``; quick enough that no copy has to be kept valid."""
    flat = weight.detach().permute(3, 2, 1, 0).reshape(9, -1)
    return (_kernel() @ flat).view(REACH * REACH, weight.shape[1], weight.shape[0])


def weight_gradient(products: Tensor) -> Tensor:
    """The gradient of weights ``[C', C, 3, 3]`` from that of :func:`transformed` weights ``[36, C, C']``."""
    flat = _kernel().T @ products.view(REACH * REACH, -1)
    return flat.view(3, 3, *products.shape[1:]).permute(3, 2, 1, 0).contiguous()


@cache
def _kernel() -> Tensor:
    _, kernel, _ = _cook_toom()
    return torch.from_numpy(np.kron(kernel, kernel)).float()


@cache
def transforms(side: int, frame: bool = False) -> Transforms:
    """The matrices of a side S, zeros around it; rows and columns of tiles in the order (point, tile).

    Args:
        frame: the cells around the side are given instead, one at either end: S + 2 go in. S is then a multiple of 4.
    """
    given, _, taken = _cook_toom()
    tiles = -(-side // TILE)
    to_tiles = np.zeros((REACH, tiles, TILE * tiles + 2))
    from_tiles = np.zeros((TILE * tiles, REACH, tiles))
    for tile in range(tiles):
        cells = slice(TILE * tile, TILE * tile + TILE)
        to_tiles[:, tile, cells.start : cells.stop + 2] = given
        from_tiles[cells, :, tile] = taken
    to_tiles = to_tiles.reshape(REACH * tiles, -1)
    to_tiles = to_tiles if frame else to_tiles[:, 1 : side + 1]
    from_tiles = from_tiles.reshape(TILE * tiles, -1)[:side]
    both = (to_tiles, from_tiles, from_tiles.T, to_tiles.T)
    return Transforms(*(torch.tensor(np.ascontiguousarray(m), dtype=torch.float32) for m in both))


@cache
def _cook_toom() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transforms of input ``[6, 6]``, kernel ``[6, 3]`` and products ``[4, 6]``, float64.

    A convolution is a product of polynomials, known by its values at five points and its leading coefficient.
    """
    points = np.array(POINTS)
    others = [np.delete(points, i) for i in range(len(points))]
    given = np.zeros((REACH, REACH))
    for row, roots in zip(given, others, strict=False):
        row[:-1] = np.poly(roots)[::-1]
    given[-1] = np.poly(points)[::-1]
    kernel = np.zeros((REACH, 3))
    kernel[:-1] = np.vander(points, 3, increasing=True)
    kernel[:-1] /= np.array([np.prod(p - rest) for p, rest in zip(points, others, strict=True)])[:, None]
    kernel[-1, -1] = 1
    taken = np.zeros((TILE, REACH))
    taken[:, :-1] = np.vander(points, TILE, increasing=True).T
    taken[-1, -1] = 1
    return given, kernel, taken
