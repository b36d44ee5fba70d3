"""The pyramid's and the proposal network's convolutions by blocks: the same results and gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from contrastmask.model import winograd_maps
from contrastmask.model.winograd_maps import MapConv, block_side, convolve_map
from tests.detectors import tiny


def plain(channels: int = 128, width: int = 136) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(channels, width, 3, padding=1)


@pytest.mark.parametrize(
    ("height", "width", "side"), [(16, 16, 16), (21, 43, 20), (3, 50, 24), (1, 1, 16), (57, 29, 28)]
)
def test_maps_of_any_size(height: int, width: int, side: int) -> None:
    conv, x = plain(12, 8), torch.randn(2, 12, height, width)
    with torch.no_grad():
        ours = convolve_map(x, conv.weight, conv.bias, side)
    exact = copy.deepcopy(conv).double()(x.double())
    assert ours.shape == exact.shape
    assert float((ours - exact).abs().max() / exact.abs().max()) < 4e-6


def test_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, x = plain(), torch.randn(2, 128, 39, 58, requires_grad=True)
    blocks = []
    original = winograd_maps.convolve_map
    monkeypatch.setattr(winograd_maps, "convolve_map", lambda *args: blocks.append(args[3]) or original(*args))
    towards = torch.randn(2, 136, 39, 58)
    ours = torch.autograd.grad(MapConv.of(conv)(x), [x, conv.weight, conv.bias], towards)
    assert blocks == [20, 20]  # forward, and the input's gradient
    wide, given = copy.deepcopy(conv).double(), x.detach().double().requires_grad_()
    exact = torch.autograd.grad(wide(given), [given, wide.weight, wide.bias], towards.double())
    for one, other in zip(ours, exact, strict=True):
        assert one.dtype == torch.float32
        assert float((one - other).norm() / other.norm()) < 1e-5


def test_the_result_may_be_changed_in_place() -> None:
    """As the ReLU of torchvision's proposal network does."""
    conv, x = MapConv.of(plain()), torch.randn(1, 128, 40, 60)
    changed = torch.autograd.grad(torch.relu_(conv(x)).sum(), conv.weight)[0]
    assert torch.equal(changed, torch.autograd.grad(torch.relu(conv(x)).sum(), conv.weight)[0])


def test_what_needs_no_gradient_gets_none() -> None:
    conv = MapConv.of(plain())
    x = torch.randn(1, 128, 40, 60)
    conv(x).sum().backward()
    assert x.grad is None
    assert conv.weight.grad is not None
    frozen, leaf = MapConv.of(plain()).requires_grad_(False), x.clone().requires_grad_()
    frozen(leaf).sum().backward()
    assert leaf.grad is not None
    assert frozen.weight.grad is None
    with torch.no_grad():
        assert not conv(leaf).requires_grad


def direct(conv: MapConv, x: Tensor) -> bool:
    with torch.no_grad():
        return torch.equal(conv(x), nn.Conv2d.forward(conv, x))


def test_where_it_is_direct() -> None:
    conv, x = MapConv.of(plain()), torch.randn(1, 128, 40, 60)
    assert not direct(conv, x)
    assert direct(conv, x[..., :20, :20])  # few cells
    assert direct(conv, torch.randn(1, 128, 25, 90)[..., :66])  # blocks reach far beyond the map
    assert direct(MapConv.of(plain(64, 128)), x[:, :64])
    assert direct(copy.deepcopy(conv).double(), x.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert direct(conv, x)


def test_block_side() -> None:
    assert block_side(200, 304) == 16
    assert block_side(100, 152) == 20
    assert block_side(25, 38) is None
    assert block_side(28, 28) == 28


def test_it_takes_the_place_of_torchvisions_and_draws_nothing() -> None:
    detector = tiny()
    made = [detector.rpn.head.conv[0][0], *(block[0] for block in detector.backbone.fpn.layer_blocks)]
    assert all(isinstance(conv, MapConv) for conv in made)
    torch.manual_seed(3)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    state = torch.get_rng_state()
    same = MapConv.of(conv)
    assert torch.equal(torch.get_rng_state(), state)
    assert same.weight is conv.weight
    assert same.state_dict().keys() == conv.state_dict().keys()
