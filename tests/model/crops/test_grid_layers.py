"""Layers over maps laid out as [row, column, crop, channel] against float64's, written the plain way."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model.crops.grid_layers import GridConv, NormRelu, add_upwards, block_side

ROUNDING = 4e-6  # of the largest value


def laid_out(x: Tensor) -> Tensor:
    return x.permute(2, 3, 0, 1).contiguous()


def agree(ours: Tensor, exact: Tensor) -> None:
    assert ours.shape == laid_out(exact).shape
    assert float((ours - laid_out(exact)).abs().max()) < ROUNDING * float(exact.abs().max())


@torch.no_grad()
@pytest.mark.parametrize("side", [1, 2, 4, 6, 8, 16, 20, 24, 32, 34, 64])
@pytest.mark.parametrize("bias", [True, False])
def test_filtered_maps_of_any_size(side: int, bias: bool) -> None:
    torch.manual_seed(side)
    x, weight, offset = torch.randn(3, 7, side, side), torch.randn(5, 7, 3, 3), torch.randn(5) if bias else None
    exact = F.conv2d(x.double(), weight.double(), None if offset is None else offset.double(), padding=1)
    agree(GridConv.of(weight, offset, 1)(laid_out(x)), exact)


def test_blocks_divide_the_side() -> None:
    assert {side: block_side(side) for side in (3, 16, 24, 32, 48, 34)} == {
        3: 3,
        16: 16,
        24: 12,
        32: 16,
        48: 16,
        34: 34,
    }


@torch.no_grad()
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (1, 2), (3, 2)])
def test_other_convolutions(size: int, stride: int) -> None:
    torch.manual_seed(size + stride)
    x, weight, bias = torch.randn(3, 7, 12, 12), torch.randn(5, 7, size, size), torch.randn(5)
    exact = F.conv2d(x.double(), weight.double(), bias.double(), stride=stride, padding=size // 2)
    agree(GridConv.of(weight, bias, stride)(laid_out(x)), exact)


@torch.no_grad()
@pytest.mark.parametrize("crops", [1, 5])
def test_norm_in_parts_of_a_map(monkeypatch: pytest.MonkeyPatch, crops: int) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr("contrastmask.model.crops.grid_layers.AT_ONCE", 1000)
    norm, x = nn.GroupNorm(4, 16), torch.randn(crops, 16, 10, 10) * 3 + 1
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    exact = F.relu(F.group_norm(x.double(), 4, norm.weight.double(), norm.bias.double(), norm.eps))
    agree(NormRelu(norm)(laid_out(x)), exact)


@torch.no_grad()
@pytest.mark.parametrize("side", [1, 2, 6, 16])
def test_the_way_up(side: int) -> None:
    torch.manual_seed(side)
    x, larger = torch.randn(3, 5, side, side), torch.randn(3, 5, 2 * side, 2 * side)
    up = F.interpolate(x.double(), scale_factor=2, mode="bilinear", align_corners=False)
    agree(add_upwards(laid_out(x), laid_out(larger)), larger.double() + up)
