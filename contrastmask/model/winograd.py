"""3x3 convolutions of RoIs in a third of the multiply-adds, for inference on a CPU: Winograd's filtering F(4x4, 3x3).

R RoIs, C channels, S cells on a side, t = ceil(S / 4) tiles along it.

A tile of 4x4 results is made of 6x6 inputs with 36 products a channel pair instead of 144 (Lavin and Gray, CVPR 2016).
The usual implementation copies overlapping tiles, which costs what the products save. Here a whole side is transformed
by one banded matrix that holds the tiles' overlaps and the zero padding: every step is a matrix product, and the layout
[row, column, RoI, channel] keeps all of them contiguous over a stack of layers.

The points 0, ±3/4, ±3/2 (and infinity) were chosen by measured rounding at 256 channels: 2e-6 of the largest value a
layer, where a direct convolution has 3e-7 and the textbook's 0, ±1, ±2 have 9e-6.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
TILE, REACH = 4, 6  # results of a tile along a side, and the inputs that they are made of
AT_ONCE = 8 * 28 * 28  # cells whose transforms (18 kB each at 256 channels) lie in the last cache together
LEAST_CHANNELS = 128  # below, the transforms outweigh the products that they save
LEAST_CELLS = 2 * 28 * 28  # below, transforming the weights does


def pays(x: Tensor, layers: Sequence[nn.Conv2d]) -> bool:
    """Whether RoIs ``[R, C, S, S]`` are better convolved here: without gradients, on a CPU, in float32, wide and many.

    Autograd through the transforms would be slower than a direct convolution's, bfloat16 has faster direct ones, GPUs'
    libraries choose by themselves.
    """
    return (
        not torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and x.shape[2] == x.shape[3]
        and len(x) * x.shape[2] ** 2 >= LEAST_CELLS
        and len(layers) > 0
        and all(_is_plain(c) and min(c.in_channels, c.out_channels) >= LEAST_CHANNELS for c in layers)
    )


def _is_plain(conv: nn.Conv2d) -> bool:
    shape = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups, conv.padding_mode)
    return shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")


def convolve_rois(x: Tensor, layers: Sequence[nn.Conv2d]) -> Tensor:
    """Convolutions with ReLU, one after the other, over ``[R, C, S, S]``; the result ``[R, C', S, S]`` has its channels
    last in memory."""
    side = x.shape[2]
    transforms = _transforms(side)
    weights = [(_transformed(conv.weight), conv.bias) for conv in layers]
    result = x.new_empty((len(x), side, side, layers[-1].out_channels))
    step = max(AT_ONCE // side**2, 1)
    for part, target in zip(x.split(step), result.split(step), strict=True):
        part = part.permute(2, 3, 0, 1).contiguous()
        for weight, bias in weights:
            part = _layer(part, weight, bias, transforms).relu_()
        target.copy_(part.permute(2, 0, 1, 3))
    return result.permute(0, 3, 1, 2)


def _layer(x: Tensor, weight: Tensor, bias: Tensor | None, transforms: tuple[Tensor, Tensor]) -> Tensor:
    """``[S, S, R, C]`` to ``[S, S, R, C']``."""
    to_tiles, from_tiles = transforms  # [6t, S], [S, 6t]
    side, _, rois, channels = x.shape
    tiles, width = len(to_tiles) // REACH, weight.shape[-1]
    x = (to_tiles @ x.view(side, -1)).view(-1, side, rois * channels)
    x = torch.bmm(to_tiles.expand(len(x), -1, -1), x).view(REACH * tiles, REACH, tiles * rois, channels)
    products = x.new_empty((REACH * tiles, REACH, tiles * rois, width))
    for row, (taken, product) in enumerate(zip(x, products, strict=True)):
        torch.bmm(taken, weight[row // tiles], out=product)
    products = products.view(REACH * tiles, REACH * tiles, rois * width)
    x = torch.bmm(from_tiles.expand(len(products), -1, -1), products)
    x = (from_tiles @ x.view(REACH * tiles, -1)).view(len(from_tiles), len(from_tiles), rois, width)
    return x if bias is None else x.add_(bias)


def _transformed(weight: Tensor) -> Tensor:
    """Weights ``[C', C, 3, 3]`` as ``[6, 6, C, C']``; quick enough that no copy has to be kept valid."""
    _, kernel, _ = _cook_toom()
    both = torch.from_numpy(np.kron(kernel, kernel)).to(weight.dtype)
    flat = weight.detach().permute(2, 3, 1, 0).reshape(9, -1)
    return (both @ flat).view(REACH, REACH, weight.shape[1], weight.shape[0])


@cache
def _transforms(side: int) -> tuple[Tensor, Tensor]:
    """The banded matrices to tiles ``[6t, S]``, zeros around the side, and back ``[S, 6t]``; t's in the order (point,
    tile)."""
    given, _, taken = _cook_toom()
    tiles = -(-side // TILE)
    to_tiles = np.zeros((REACH, tiles, TILE * tiles + 2))
    from_tiles = np.zeros((TILE * tiles, REACH, tiles))
    for tile in range(tiles):
        cells = slice(TILE * tile, TILE * tile + TILE)
        to_tiles[:, tile, cells.start : cells.stop + 2] = given
        from_tiles[cells, :, tile] = taken
    to_tiles = to_tiles.reshape(REACH * tiles, -1)[:, 1 : side + 1]
    from_tiles = from_tiles.reshape(TILE * tiles, -1)[:side]
    return tuple(torch.tensor(np.ascontiguousarray(m), dtype=torch.float32) for m in (to_tiles, from_tiles))


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
