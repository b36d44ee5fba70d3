"""The crop branch's network laid out for inference is the same function."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from contrastmask.model.crops.grid_network import GridNetwork
from contrastmask.model.crops.network import CropNetwork

ROUNDING = 1e-5  # of the largest value, after the whole network


def network_of(depth: int, **choices: object) -> CropNetwork:
    """With statistics, planes and norms that do something."""
    torch.manual_seed(0)
    network = CropNetwork(depth, channels=16, **choices).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    nn.init.normal_(network.planes.weight, std=0.05)
    return network


def inputs(crops: int, planes: int, side: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(crops)
    return torch.randn(crops, 3, side, side), torch.rand(crops, planes, side, side)


@torch.no_grad()
@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize(("crops", "side"), [(1, 64), (3, 96), (9, 64), (2, 128), (43, 64)])
def test_the_same_function(depth: int, crops: int, side: int) -> None:
    network, given = network_of(depth), inputs(crops, 2, side)
    plain, ours = network(*given), GridNetwork(network)(*given)
    for name in ("logits", "quality"):
        wanted, found = getattr(plain, name), getattr(ours, name)
        assert found.shape == wanted.shape
        assert float((found - wanted).abs().max()) < ROUNDING * float(wanted.abs().max()), name


@torch.no_grad()
def test_with_class_activation_maps() -> None:
    network, given = network_of(18, cam=True), inputs(2, 3, 64)
    torch.testing.assert_close(GridNetwork(network)(*given).logits, network(*given).logits, rtol=1e-4, atol=1e-4)


def test_which_networks_have_such_a_form() -> None:
    assert GridNetwork.takes(network_of(18))
    assert not GridNetwork.takes(network_of(50, groups=32, width_per_group=4))
