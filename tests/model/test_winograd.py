"""The shorter way to convolve: the same results and the same gradients, and less kept for them."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model import winograd
from contrastmask.model.layers import ConvStack

ROUNDING = 4e-6  # a layer's largest difference, of the largest value


def difference(ours: Tensor, exact: Tensor) -> float:
    return float((ours - exact).abs().max() / exact.abs().max())


def shorter(stack: ConvStack, x: Tensor) -> Tensor:
    return winograd.convolve_rois(x, [conv.weight for conv in stack], [conv.bias for conv in stack])


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
        ours, exact = shorter(stack, x), exact_stack(stack, x)
    assert ours.shape == exact.shape
    assert difference(ours, exact) < depth * ROUNDING


def test_more_rois_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stack, x = ConvStack(2, 8, 8), torch.randn(7, 8, 7, 7)
    with torch.no_grad():
        whole = shorter(stack, x)
        monkeypatch.setattr(winograd, "AT_ONCE", 2 * 49)
        torch.testing.assert_close(shorter(stack, x), whole, rtol=1e-5, atol=1e-5)


def test_it_pays_on_a_cpu_in_float32_where_the_work_is_large() -> None:
    wide, many = nn.Conv2d(128, 128, 3, padding=1), torch.zeros(2, 128, 28, 28)
    assert winograd.pays(many, [wide])
    assert not winograd.pays(many[:1], [wide])
    assert not winograd.pays(many, [])
    assert not winograd.pays(many.double(), [wide])
    assert not winograd.pays(many.to("meta"), [wide])
    assert not winograd.pays(many[..., :27], [wide])
    assert not winograd.pays(many[:, :64], [nn.Conv2d(64, 128, 3, padding=1)])
    for changes in ({"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 0}, {"padding_mode": "reflect"},
                    {"bias": False}):  # fmt: skip
        assert not winograd.pays(many, [nn.Conv2d(128, 128, 3, **{"padding": 1, **changes})])
    with torch.autocast("cpu", torch.bfloat16):
        assert not winograd.pays(many, [wide])


def test_an_exported_graph_is_plain() -> None:
    stack = ConvStack(1, 128, 128)
    with torch.no_grad():
        graph = torch.export.export(stack, (torch.zeros(2, 128, 28, 28),)).graph
    called = {str(node.target) for node in graph.nodes if node.op == "call_function"}
    assert "aten.conv2d.default" in called
    assert not any("bmm" in name for name in called)


def gradients(y: Tensor, x: Tensor, stack: nn.Module, towards: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(y, [x, *stack.parameters()], towards.to(y.dtype)))


def apart(ours: list[Tensor], exact: list[Tensor]) -> float:
    return max(float((a - b).norm() / b.norm()) for a, b in zip(ours, exact, strict=True))


@pytest.mark.parametrize(("rois", "side", "depth"), [(6, 28, 3), (70, 7, 4), (9, 14, 1)])
def test_gradients_are_those_of_the_plain_stack(rois: int, side: int, depth: int) -> None:
    """Against float64. Which cells a ReLU lets through is taken from our own results: where its input is within
    rounding of zero, any two orders of work differ, and the plain one from float64 too."""
    torch.manual_seed(side)
    stack, x = ConvStack(depth, 128, 136), torch.randn(rois, 128, side, side, requires_grad=True)
    for conv in stack:
        nn.init.normal_(conv.bias, std=0.1)
    assert winograd.pays(x, stack)
    y, towards = stack(x), torch.randn(rois, 136, side, side)
    ours = gradients(y, x, stack, towards)
    plain = x
    for conv in stack:
        plain = F.relu(conv(plain))
    plain = gradients(plain, x, stack, towards)
    exact, given, open_cells = x.detach().double().requires_grad_(), x.detach(), []
    with torch.no_grad():
        for conv in stack:
            given = winograd.convolve_rois(given, [conv.weight], [conv.bias])
            open_cells.append(given > 0)
    wide, z = copy.deepcopy(stack).double(), exact
    for conv, passed in zip(wide, open_cells, strict=True):
        z = conv(z) * passed
    assert difference(y, z) < depth * ROUNDING
    assert apart(ours, gradients(z, exact, wide, towards)) < 1e-5
    for one, other in zip(ours, plain, strict=True):
        assert float((one - other).abs().median()) < 2e-3 * float(other.abs().median())


def test_nothing_between_input_and_result_is_kept() -> None:
    kept: list[Tensor] = []
    stack, x = ConvStack(5, 128, 128), torch.randn(2, 128, 28, 28, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        y = stack(x)
    maps = {t.data_ptr() for t in kept if t.shape == x.shape}
    assert maps == {x.data_ptr(), y.data_ptr()}


def test_what_needs_no_gradient_gets_none() -> None:
    stack, x = ConvStack(2, 128, 128), torch.randn(2, 128, 28, 28)
    stack(x).sum().backward()
    assert x.grad is None
    assert all(p.grad is not None for p in stack.parameters())
    wanted = [p.grad.clone() for p in stack.parameters()]
    stack.zero_grad()
    leaf = x.clone().requires_grad_()
    stack(leaf).sum().backward()
    assert leaf.grad is not None
    assert all(torch.equal(p.grad, w) for p, w in zip(stack.parameters(), wanted, strict=True))
    frozen = ConvStack(2, 128, 128).requires_grad_(False)
    assert not frozen(x).requires_grad
    leaf.grad = None
    frozen(leaf).sum().backward()
    assert leaf.grad is not None
    assert all(p.grad is None for p in frozen.parameters())


def test_weights_may_change_between_two_calls() -> None:
    torch.manual_seed(0)
    stack, x = ConvStack(1, 128, 128), torch.randn(2, 128, 28, 28)
    with torch.no_grad():
        stack(x)
        stack[0].weight.mul_(2)
        assert difference(stack(x), exact_stack(stack, x)) < ROUNDING
