"""BatchNorm inside convolutions: the same results and gradients, only where its statistics stand still."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from contrastmask.model.backbone import residual_network
from contrastmask.model.folding import FoldingBasicBlock, FoldingBottleneck, folds

BLOCKS = [(FoldingBasicBlock, BasicBlock, 16), (FoldingBottleneck, Bottleneck, 64)]


def blocks(ours: type, plain: type, width: int, shrinks: bool) -> tuple[nn.Module, nn.Module]:
    """The same block twice, with statistics as after a training."""
    torch.manual_seed(1)
    out = width * 2 if shrinks else width
    down = nn.Sequential(nn.Conv2d(width, out, 1, stride=2, bias=False), nn.BatchNorm2d(out)) if shrinks else None
    made = plain(width, out // plain.expansion, stride=2 if shrinks else 1, downsample=down).double()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1, 1)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.1, 3)
    copied = ours(width, out // plain.expansion, stride=2 if shrinks else 1, downsample=copy.deepcopy(down)).double()
    copied.load_state_dict(made.state_dict())
    return copied, made


@pytest.mark.parametrize(("ours", "plain", "width"), BLOCKS)
@pytest.mark.parametrize("shrinks", [False, True])
def test_results_and_gradients(ours: type, plain: type, width: int, shrinks: bool) -> None:
    found = []
    for block in blocks(ours, plain, width, shrinks):
        block.eval()
        x = torch.randn(
            2, width, 9, 11, dtype=torch.double, generator=torch.Generator().manual_seed(0)
        ).requires_grad_()
        y = block(x)
        towards = torch.randn(y.shape, dtype=torch.double, generator=torch.Generator().manual_seed(2))
        found.append([y, *torch.autograd.grad(y, [x, *block.parameters()], towards)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("ours", "plain", "width"), BLOCKS)
def test_statistics_that_move_are_left_alone(ours: type, plain: type, width: int) -> None:
    one, other = blocks(ours, plain, width, True)
    x = torch.randn(2, width, 8, 8, dtype=torch.double)
    assert torch.equal(one.train()(x), other.train()(x))
    for name, value in other.state_dict().items():
        assert torch.equal(one.state_dict()[name], value)


def test_one_map_a_convolution_is_kept() -> None:
    def kept(block: nn.Module) -> int:
        sizes: dict[int, int] = {}

        def keep(t: Tensor) -> Tensor:
            if t.dim() == 4 and t.shape[0] == 2:
                sizes[t.data_ptr()] = t.numel()
            return t

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            block.eval()(torch.randn(2, 64, 8, 8, dtype=torch.double, requires_grad=True))
        return sum(sizes.values())

    ours, plain = blocks(FoldingBottleneck, Bottleneck, 64, False)
    between = 2 * 8 * 8 * (16 + 16 + 64)  # the three maps between convolution and norm
    assert kept(ours) == kept(plain) - between


def test_where_it_folds() -> None:
    norm, x = nn.BatchNorm2d(4), torch.zeros(1, 4, 2, 2)
    assert not folds(norm, x)
    norm.eval()
    assert folds(norm, x)
    assert not folds(norm, x.to("meta"))
    assert not folds(nn.GroupNorm(2, 4).eval(), x)
    assert not folds(nn.SyncBatchNorm(4).eval(), x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not folds(norm, x)


def test_bodies_are_made_of_them_and_have_torchvisions_names() -> None:
    from torchvision.models import resnet18, resnet50

    for depth, theirs, kind in ((18, resnet18, FoldingBasicBlock), (50, resnet50, FoldingBottleneck)):
        body, _ = residual_network(depth)
        assert body.state_dict().keys() == theirs(weights=None).state_dict().keys()
        assert isinstance(body.layer3[1], kind)
