"""A line every half minute where there is no terminal for a progress bar."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from contrastmask.spoken import Pulse
from contrastmask.training.steps import expected_steps


class PulseLines(pl.Callback):
    """Step, loss, rate and time left of a training; images of an evaluation.

    Args:
        seconds: between two lines.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self._pulse: Pulse | None = None
        self._evaluation: Pulse | None = None

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start counting at the step that a resumed training is at."""
        steps = expected_steps(trainer)
        total = None if steps == float("inf") else int(steps)
        self._pulse = Pulse("training", total, "steps", done=trainer.global_step, every=self.seconds)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a step."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not trainer.is_last_batch:
            return
        loss = trainer.callback_metrics.get("train/loss")
        self._pulse.add(more="" if loss is None else f", loss {float(loss):.3f}")

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start counting batches of a validation."""
        self._start(trainer.num_val_batches)

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start counting batches of the evaluation."""
        self._start(trainer.num_test_batches)

    def _start(self, batches: list[int | float]) -> None:
        self._evaluation = Pulse("evaluating", int(sum(batches)), "batches", every=self.seconds)

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        """Count a batch."""
        self._evaluation.add()

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        """Count a batch."""
        self._evaluation.add()
