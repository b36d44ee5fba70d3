"""How long a training will be, before it begins."""

from __future__ import annotations

import math

import pytorch_lightning as pl


def expected_steps(trainer: pl.Trainer) -> float:
    """Optimiser steps of the whole training; infinite where neither epochs nor steps bound it.

    (Lightning's ``estimated_stepping_batches`` makes the loader to know it, which on a resume is before the trainer
    knows its epoch: the resumed epoch would repeat the order of the first.)
    """
    batches = trainer.datamodule.train_batches
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    per_epoch = math.ceil(batches / trainer.accumulate_grad_batches)
    unbounded = trainer.max_epochs in (None, -1)
    steps = math.inf if unbounded else per_epoch * trainer.max_epochs
    return steps if trainer.max_steps == -1 else min(steps, trainer.max_steps)
