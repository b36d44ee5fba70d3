"""What every trained module does beside its own step: losses logged, rates made, and said when a training starts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from contrastmask.errors import ConfigError
from contrastmask.spoken import say
from contrastmask.training.evaluated import EvaluatedModule
from contrastmask.training.optimization import OptimizerOptions, build_optimizer, rate_lines
from contrastmask.training.resumed_state import check_callbacks, check_training, check_weights
from contrastmask.training.steps import expected_steps


class TrainedModule(EvaluatedModule):
    """An :class:`EvaluatedModule` that learns; a subclass has ``training_step`` and says what is optimised.

    Args:
        losses: names of the losses whose mean over an epoch is logged.
        optimizer: rate and schedule.
        batch_size: training images of one process and step, or objects (``unit``), for the scaling of the rate.
        others: of :class:`EvaluatedModule`.
    """

    unit = "images"  # what a batch is counted in
    explains = True  # whether the network has class activation maps to show

    def __init__(self, losses: Sequence[str], optimizer: OptimizerOptions, batch_size: int, **others: Any) -> None:
        super().__init__(**others)
        self.optimizer_options, self.batch_size = optimizer, batch_size
        self._resumed: dict[str, Any] | None = None  # a checkpoint's content until all of it has been looked at
        self.means = torch.nn.ModuleDict({name: MeanMetric() for name in losses})

    def size_of(self, batch: Any) -> int:
        """Images, or whatever ``unit`` says, in a training batch."""
        return len(batch[0])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Look at what a resumed training starts from; optimiser and progress once there are some to compare with."""
        trainer, self._resumed = self.trainer, checkpoint
        check_weights(trainer.ckpt_path, self.state_dict(), checkpoint)
        check_callbacks(trainer.ckpt_path, trainer, checkpoint)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if self._resumed is not None:
            check_training(self.trainer.ckpt_path, self.trainer, self._resumed)
            self._resumed = None

    def on_train_start(self) -> None:
        trainer, size = self.trainer, self._step_size()
        steps, resumed = expected_steps(trainer), trainer.ckpt_path is not None
        length = f"{trainer.max_epochs} epochs, {steps:g} steps" if trainer.max_epochs > 0 else f"{steps:g} steps"
        say(f"training: {length} of {size} {self.unit}, on {trainer.world_size} x {self.device.type}")
        lines = rate_lines(self.optimizer_options, size, trainer.optimizers[0], steps, resumed=resumed, unit=self.unit)
        say("\n".join(lines))

    def log_losses(self, losses: dict[str, Tensor], size: int) -> Tensor:
        """Log a step's losses and their sum, which is returned; ``size`` images or objects took part."""
        total = sum(losses.values())
        for name, value in {"loss": total.detach(), **losses}.items():
            self.means[name].update(value.detach())
            self.log(f"train/{name}", value.detach(), prog_bar=name == "loss", batch_size=size)
        return total

    def on_train_epoch_end(self) -> None:
        self.was_trained = True
        for name, mean in self.means.items():
            if mean.update_called:
                self.log(f"epoch/{name}", mean.compute())
            mean.reset()

    def optimise(self, parameters: Iterable[Tensor], body: Iterable[Tensor] = ()) -> tuple[list, list]:
        """Optimisers and schedulers as Lightning takes them; ``body``: parameters with the body's share of the rate.

        Raises:
            ConfigError: a cosine over a training without end.
        """
        steps = expected_steps(self.trainer)
        options = self.optimizer_options.fitted(steps)
        if options.decay == "cosine" and math.isinf(steps):
            raise ConfigError("schedule.decay=cosine needs an end: trainer.max_epochs or trainer.max_steps")
        clipped_mixed = bool(self.trainer.gradient_clip_val) and self.trainer.precision.endswith("-mixed")
        parts = build_optimizer(
            parameters, options, self._step_size(), fusible=not clipped_mixed, body=body, steps=steps
        )
        schedulers = [
            {"scheduler": parts["warmup"], "interval": "step", "name": "lr"},
            {"scheduler": parts["decay"], "interval": parts["interval"], "name": "lr_decay"},
        ]
        return [parts["optimizer"]], schedulers

    def _step_size(self) -> int:
        return self.batch_size * self.trainer.world_size * self.trainer.accumulate_grad_batches
