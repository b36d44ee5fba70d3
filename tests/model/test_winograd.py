"""The shorter way to convolve: the same results, only where nothing is learnt."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model import winograd
from contrastmask.model.layers import ConvStack

ROUNDING = 4e-6  # a layer's largest difference, of the largest value


def difference(ours: Tensor, exact: Tensor) -> float:
    return float((ours - exact).abs().max() / exact.abs().max())


def exact_stack(stack: ConvStack, x: Tensor) -> Tensor:
    x = x.double()
    for conv in stack:
        x = F.conv2d(x, conv.weight.double(), conv.bias.double(), padding=1).relu()
    return x


@pytest.mark.parametrize("side", [1, 2, 4, 5, 7, 14, 28])
@pytest.mark.parametrize("depth", [1, 3])
def test_rois_of_any_size(side: int, depth: int) -> None:
    torch.manual_seed(side)
    stack, x = ConvStack(depth, 12, 8), torch.randn(5, 12, side, side)
    for conv in stack:
        nn.init.normal_(conv.bias, std=0.1)
    with torch.no_grad():
        ours, exact = winograd.convolve_rois(x, stack), exact_stack(stack, x)
    assert ours.shape == exact.shape
    assert difference(ours, exact) < depth * ROUNDING


def test_more_rois_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stack, x = ConvStack(2, 8, 8), torch.randn(7, 8, 7, 7)
    with torch.no_grad():
        whole = winograd.convolve_rois(x, stack)
        monkeypatch.setattr(winograd, "AT_ONCE", 2 * 49)
        torch.testing.assert_close(winograd.convolve_rois(x, stack), whole, rtol=1e-5, atol=1e-5)


def test_it_pays_only_without_gradients_and_where_the_work_is_large() -> None:
    wide, many = nn.Conv2d(128, 128, 3, padding=1), torch.zeros(2, 128, 28, 28)
    assert not winograd.pays(many, [wide])
    with torch.no_grad():
        assert winograd.pays(many, [wide])
        assert not winograd.pays(many[:1], [wide])
        assert not winograd.pays(many, [])
        assert not winograd.pays(many.double(), [wide])
        assert not winograd.pays(many.to("meta"), [wide])
        assert not winograd.pays(many[..., :27], [wide])
        assert not winograd.pays(many[:, :64], [nn.Conv2d(64, 128, 3, padding=1)])
        for changes in ({"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 0}, {"padding_mode": "reflect"}):
            assert not winograd.pays(many, [nn.Conv2d(128, 128, 3, **{"padding": 1, **changes})])
        with torch.autocast("cpu", torch.bfloat16):
            assert not winograd.pays(many, [wide])


def test_a_stack_takes_it_in_inference_only() -> None:
    torch.manual_seed(0)
    stack, x = ConvStack(2, 128, 128), torch.randn(3, 128, 28, 28)
    learning = stack(x)
    learning.sum().backward()
    assert all(p.grad is not None for p in stack.parameters())
    with torch.no_grad():
        quick = stack(x)
    exact = exact_stack(stack, x)
    assert not torch.equal(quick, learning)
    assert difference(quick, exact) < 2 * ROUNDING


def test_weights_may_change_between_two_calls() -> None:
    torch.manual_seed(0)
    stack, x = ConvStack(1, 128, 128), torch.randn(2, 128, 28, 28)
    with torch.no_grad():
        stack(x)
        stack[0].weight.mul_(2)
        assert difference(stack(x), exact_stack(stack, x)) < ROUNDING
