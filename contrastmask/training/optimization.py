"""Optimiser and learning-rate schedule, as numbers and as Lightning wants them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch.optim.lr_scheduler import LinearLR, MultiStepLR


@dataclass(frozen=True)
class OptimizerOptions:
    """See ``conf/schedule``; ``lr`` is for ``base_images`` images a step."""

    optimizer: str
    lr: float
    base_images: int
    momentum: float
    weight_decay: float
    warmup_steps: int
    warmup_start: float
    milestones: tuple[int, ...]
    gamma: float

    shorten_warmup: bool = False  # to a tenth of a training that is no longer than it

    def fitted(self, steps: float) -> OptimizerOptions:
        """These for a training of ``steps`` optimiser steps (infinite: unknown): a warm-up that fits, if asked for."""
        if not self.shorten_warmup or self.warmup_steps < steps:
            return self
        return replace(self, warmup_steps=max(int(steps) // 10, 1))

    def scaled_lr(self, images: int) -> float:
        """The linear scaling rule: the rate for ``images`` images a step."""
        return self.lr * images / self.base_images


def build_optimizer(
    parameters: Iterable[torch.nn.Parameter], options: OptimizerOptions, images: int, *, fusible: bool = True
) -> dict:
    """An optimiser of one group, warm-up counted in optimiser steps, decay in epochs.

    Args:
        fusible: False where the trainer clips gradients in mixed precision, which Lightning refuses a fused optimiser.

    Returns:
        ``{"optimizer": …, "warmup": …, "decay": …}``; step ``warmup`` after every optimiser step and ``decay`` after
        every epoch. The two multiply, so their order does not matter.
    """
    trained = [p for p in parameters if p.requires_grad]
    lr = options.scaled_lr(images)
    # one pass over the memory instead of eight; on GPUs torch's own choice, which mixed precision's clipping can follow
    fused = True if fusible and all(p.device.type == "cpu" for p in trained) else None
    if options.optimizer == "sgd":
        optimizer = torch.optim.SGD(
            trained, lr, momentum=options.momentum, weight_decay=options.weight_decay, fused=fused
        )
    else:
        optimizer = torch.optim.AdamW(trained, lr, weight_decay=options.weight_decay, fused=fused)
    steps = max(options.warmup_steps, 1)
    start = options.warmup_start if options.warmup_steps > 0 else 1.0
    warmup = LinearLR(optimizer, start_factor=start, total_iters=steps)
    return {
        "optimizer": optimizer,
        "warmup": warmup,
        "decay": MultiStepLR(optimizer, options.milestones, options.gamma),
    }


def rate_lines(
    options: OptimizerOptions, images: int, optimizer: torch.optim.Optimizer, steps: float, *, resumed: bool
) -> list[str]:
    """What there is to say of the rate when a training starts: the real one, and a warm-up that does not fit.

    Args:
        images: a step's, on all processes; steps: of the whole training.
        resumed: the optimiser's state is a checkpoint's.
    """
    real, wanted = float(optimizer.param_groups[0].get("initial_lr", 0.0)), options.scaled_lr(images)
    if not resumed:
        lines = [f"learning rate {real:g} for {images} images a step ({options.lr:g} for {options.base_images})"]
    elif math.isclose(real, wanted, rel_tol=1e-9):
        lines = [f"learning rate {real:g}, of the resumed training"]
    else:
        lines = [
            f"learning rate {real:g}, of the resumed training; schedule.lr={options.lr:g} ({wanted:g} for {images} "
            "images a step) is not used. init_path=FILE instead of ckpt_path starts a new training with it"
        ]
    warmup = options.fitted(steps).warmup_steps
    if warmup != options.warmup_steps:
        lines.append(f"the warm-up is shortened from {options.warmup_steps} to {warmup} of {steps:g} steps")
    elif warmup >= steps and not resumed:
        reached = options.warmup_start + (1 - options.warmup_start) * steps / warmup
        lines.append(
            f"warning: the warm-up takes {warmup} steps and the training has {steps:g}: the rate gets to {reached:.0%} "
            "of its value; schedule.shorten_warmup=true makes the warm-up a tenth of the training"
        )
    return lines
