"""What is kept for the backward pass is less; what comes out is the same, to the last bit."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contrastmask.model.contrastive_head import Projector
from contrastmask.model.normed import normed


def kept(work) -> tuple[Tensor, int]:
    """A result, and how many numbers the tensors have that its backward pass keeps, each once."""
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        sizes[tensor.untyped_storage().data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = work()
    return result, sum(sizes.values())


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_results_statistics_and_gradients_are_those_of_the_modules(form: torch.memory_format) -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(32, 48, 1, bias=False), nn.BatchNorm2d(48)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    x = torch.randn(5, 32, 28, 28).to(memory_format=form)
    plain, ours = (copy.deepcopy((conv, norm)) for _ in range(2))
    ways = ((plain, lambda x, c, n: F.relu(n(c(x)), inplace=True)), (ours, normed))
    found = []
    for (c, n), way in ways:
        for _ in range(2):  # statistics move on, gradients add up
            given = x.clone(memory_format=torch.preserve_format).requires_grad_()
            result = way(given, c, n)
            (result * torch.linspace(-1, 1, 28)).sum().backward()
        found.append([result, given.grad, c.weight.grad, n.weight.grad, n.bias.grad, *n.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert found[1][0].stride() == found[0][0].stride()


def test_a_projector_keeps_two_maps_less(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    x, projector = torch.randn(2, 16, 28, 28).requires_grad_(), Projector(16, 16)
    less = kept(lambda: projector(x))[1]
    monkeypatch.setattr("contrastmask.model.normed.is_plain", lambda x: False)
    assert kept(lambda: projector(x))[1] - less >= 2 * x.numel()


def test_without_training_or_gradients_it_is_the_modules_way() -> None:
    torch.manual_seed(0)
    conv, norm, x = nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8), torch.randn(2, 8, 5, 5)
    norm(x)
    with torch.no_grad():
        trained = normed(x, conv, copy.deepcopy(norm))
    assert torch.equal(trained, F.relu(copy.deepcopy(norm)(conv(x))))
    norm.eval()
    assert torch.equal(normed(x, conv, norm), F.relu(norm(conv(x))))
    assert norm.num_batches_tracked == 1
