"""Optimiser and learning-rate schedule, as numbers and as Lightning wants them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, MultiStepLR


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
    decay: str = "milestones"  # or "cosine": over the whole training, step by step
    body_lr: float = 1.0  # share of the rate for the parameters given as ``body``
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
    parameters: Iterable[torch.nn.Parameter],
    options: OptimizerOptions,
    images: int,
    *,
    fusible: bool = True,
    body: Iterable[torch.nn.Parameter] = (),
    steps: int | None = None,
) -> dict:
    """An optimiser, warm-up counted in optimiser steps, decay in epochs or, as a cosine, in steps.

    Args:
        body: of ``parameters``, those that learn at ``options.body_lr`` of the rate; a group of their own.
        steps: optimiser steps of the whole training; a cosine needs it.
        fusible: False where the trainer clips gradients in mixed precision, which Lightning refuses a fused optimiser.

    Returns:
        ``{"optimizer": …, "warmup": …, "decay": …, "interval": …}``; step ``warmup`` after every optimiser step and
        ``decay`` after every ``interval``, "epoch" or "step". The two multiply, so their order does not matter.
    """
    lr, slower = options.scaled_lr(images), {id(p) for p in body}
    trained = [p for p in parameters if p.requires_grad]
    groups = [{"params": [p for p in trained if id(p) not in slower]}]
    if slower:
        groups.append({"params": [p for p in trained if id(p) in slower], "lr": lr * options.body_lr})
    # one pass over the memory instead of eight; on GPUs torch's own choice, which mixed precision's clipping can follow
    fused = True if fusible and all(p.device.type == "cpu" for p in trained) else None
    if options.optimizer == "sgd":
        optimizer = torch.optim.SGD(
            groups, lr, momentum=options.momentum, weight_decay=options.weight_decay, fused=fused
        )
    else:
        optimizer = torch.optim.AdamW(groups, lr, weight_decay=options.weight_decay, fused=fused)
    warmup_steps = max(options.warmup_steps, 1)
    start = options.warmup_start if options.warmup_steps > 0 else 1.0
    warmup = LinearLR(optimizer, start_factor=start, total_iters=warmup_steps)
    decay: LRScheduler = MultiStepLR(optimizer, options.milestones, options.gamma)
    if options.decay == "cosine":
        decay = CosineAnnealingLR(optimizer, T_max=steps)
    interval = "step" if options.decay == "cosine" else "epoch"
    return {"optimizer": optimizer, "warmup": warmup, "decay": decay, "interval": interval}


def rate_lines(
    options: OptimizerOptions,
    size: int,
    optimizer: torch.optim.Optimizer,
    steps: float,
    *,
    resumed: bool,
    unit: str = "images",
) -> list[str]:
    """What there is to say of the rate when a training starts: the real one, and a warm-up that does not fit.

    Args:
        size: images, or whatever ``unit`` says, of a step, on all processes; steps: of the whole training.
        resumed: the optimiser's state is a checkpoint's.
    """
    real, wanted = float(optimizer.param_groups[0].get("initial_lr", 0.0)), options.scaled_lr(size)
    if not resumed:
        scaled = "" if size == options.base_images else f", scaled from {options.lr:g} for {options.base_images}"
        lines = [f"learning rate {real:g} for {size} {unit} a step{scaled}"]
    elif math.isclose(real, wanted, rel_tol=1e-9):
        lines = [f"learning rate {real:g}, of the resumed training"]
    else:
        lines = [
            f"learning rate {real:g}, of the resumed training; schedule.lr={options.lr:g} ({wanted:g} for {size} "
            f"{unit} a step) is not used. init_path=FILE instead of ckpt_path starts a new training with it"
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
