"""How maps lie in memory changes no figure."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from contrastmask.model.backbone import ResNetFPN, residual_network
from contrastmask.model.crops.network import CropNetwork
from contrastmask.model.stage_layout import stage_output


def seen(stage: nn.Module, maps: Tensor) -> tuple[bool, Tensor]:
    """Whether the stage is given maps in the default order, and what comes out."""
    orders = []
    hook = stage[0].register_forward_pre_hook(lambda _, given: orders.append(given[0].is_contiguous()))
    made = stage_output(stage, maps)
    hook.remove()
    return orders[0], made


@pytest.mark.parametrize(
    ("depth", "layer", "shape", "in_front"),
    [
        (18, 4, (4, 256, 8, 8), True),
        (18, 4, (32, 256, 8, 8), True),
        (18, 4, (33, 256, 8, 8), False),
        (18, 3, (4, 128, 16, 16), True),
        (18, 2, (4, 64, 32, 32), False),
        (50, 4, (1, 1024, 50, 76), False),
        (50, 4, (2, 1024, 15, 17), True),
    ],
)
def test_few_cells_are_given_in_the_default_order(depth: int, layer: int, shape: tuple, in_front: bool) -> None:
    stage = getattr(residual_network(depth)[0], f"layer{layer}").eval()
    maps = torch.randn(shape).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        order, made = seen(stage, maps)
        assert order == in_front
        assert made.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(made, stage(maps), rtol=1e-4, atol=1e-4)


def test_other_precisions_are_left_as_they_are() -> None:
    stage = residual_network(18)[0].layer4.eval()
    maps = torch.randn(1, 256, 8, 8).contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert not seen(stage, maps)[0]
    assert not seen(stage.double(), maps.double())[0]


@pytest.mark.parametrize("network", [ResNetFPN(18, channels=32, frozen_stages=-1), CropNetwork(18, channels=32)])
def test_maps_and_gradients_are_those_of_one_order(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network, other = network.train(), copy.deepcopy(network).train()
    inputs = [torch.randn(4, 3, 64, 64)] + ([torch.randn(4, 2, 64, 64)] if isinstance(network, CropNetwork) else [])

    def outputs(of: nn.Module) -> list[Tensor]:
        made = of(*inputs)
        made = made if isinstance(made, list) else [made.logits, made.quality]
        sum((values * values.detach().cos()).mean() for values in made).backward()
        return made

    ours = outputs(network)
    for module in ("contrastmask.model.backbone", "contrastmask.model.crops.network"):
        monkeypatch.setattr(f"{module}.stage_output", lambda stage, maps: stage(maps))
    for one, level in zip(ours, outputs(other), strict=True):
        torch.testing.assert_close(one, level, rtol=1e-4, atol=1e-4)
    for (name, parameter), wanted in zip(network.named_parameters(), other.parameters(), strict=True):
        if wanted.grad is None:
            assert parameter.grad is None, name
        else:
            # a cell within rounding of zero may open in one order and not in the other
            assert (parameter.grad - wanted.grad).norm() <= 2e-2 * wanted.grad.norm() + 1e-6, name
