"""Learning rates at given steps and epochs, by the released recipe."""

from __future__ import annotations

import pytest
import torch

from contrastmask.training.optimization import OptimizerOptions, build_optimizer

RELEASED = OptimizerOptions("sgd", 0.02, 16, 0.9, 1e-4, 500, 0.001, (8, 11), 0.1)


def rates(options: OptimizerOptions, images: int, steps_per_epoch: int, epochs: int) -> list[list[float]]:
    """The rate of every step, epoch by epoch."""
    parts = build_optimizer([torch.nn.Parameter(torch.zeros(1))], options, images)
    seen = []
    for _ in range(epochs):
        seen.append([])
        for _ in range(steps_per_epoch):
            seen[-1].append(parts["optimizer"].param_groups[0]["lr"])
            parts["optimizer"].step()
            parts["warmup"].step()
        parts["decay"].step()
    return seen


@pytest.mark.parametrize("step", [0, 1, 250, 499, 500, 501])
def test_warm_up_is_the_released_line(step: int) -> None:
    rate = rates(RELEASED, 16, 600, 1)[0][step]
    assert rate == pytest.approx(0.02 * (1 - (1 - min(step / 500, 1)) * (1 - 0.001)), rel=1e-9)


def test_decay_after_8_and_11_epochs_even_where_warm_up_is_longer_than_an_epoch() -> None:
    seen = rates(RELEASED, 16, 100, 12)
    assert seen[7][-1] == pytest.approx(0.02)
    assert seen[8][0] == pytest.approx(0.002)
    assert seen[10][-1] == pytest.approx(0.002)
    assert seen[11][0] == pytest.approx(0.0002)


@pytest.mark.parametrize(("images", "rate"), [(16, 0.02), (2, 0.0025), (32, 0.04)])
def test_the_rate_follows_the_images_of_a_step(images: int, rate: float) -> None:
    assert RELEASED.scaled_lr(images) == pytest.approx(rate)
    assert rates(RELEASED, images, 501, 1)[0][500] == pytest.approx(rate)


def test_one_group_with_weight_decay_on_everything_and_without_frozen_parameters() -> None:
    norm = torch.nn.BatchNorm2d(3)
    frozen = torch.nn.Linear(2, 2).requires_grad_(False)
    parts = build_optimizer([*norm.parameters(), *frozen.parameters()], RELEASED, 16)
    (group,) = parts["optimizer"].param_groups
    assert (group["weight_decay"], group["momentum"], group["nesterov"]) == (1e-4, 0.9, False)
    assert len(group["params"]) == 2
