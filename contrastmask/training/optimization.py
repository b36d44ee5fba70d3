"""Optimiser and learning-rate schedule, as numbers and as Lightning wants them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
