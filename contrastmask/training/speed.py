"""Speed and memory of a training, for the logger."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import pytorch_lightning as pl
import torch

from contrastmask.training.trained import TrainedModule


class Speed(pl.Callback):
    """Log images per second and memory at every logged step.

    ``speed/images_per_second`` of all processes, over the steps since the last record, evaluation left out;
    ``memory/host_peak_MiB`` of this process (without loader workers) and, on a GPU, ``memory/gpu_peak_MiB``, the most
    that tensors took. All are read on the host: no step waits for the device. Lightning's ThroughputMonitor knows
    neither images per second of lists nor memory, and its DeviceStatsMonitor logs some hundred GPU counters a step.
    """

    def __init__(self) -> None:
        self._images, self._seconds, self._start, self._step = 0, 0.0, 0.0, -1

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start with the first step."""
        self._images, self._seconds, self._step = 0, 0.0, trainer.global_step
        self._start = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop the clock for an evaluation within the training."""
        self._seconds += time.perf_counter() - self._start

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Go on."""
        self._start = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainedModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count, and log where Lightning logs the step's losses."""
        self._images += module.size_of(batch) * trainer.world_size
        step = trainer.global_step
        if step == self._step or step % trainer.log_every_n_steps:
            return
        now = time.perf_counter()
        seconds = self._seconds + now - self._start
        figures = {f"speed/{module.unit}_per_second": self._images / max(seconds, 1e-9)}
        # kibibytes on Linux, bytes on macOS
        figures["memory/host_peak_MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            2**20 if sys.platform == "darwin" else 2**10
        )
        if module.device.type == "cuda":
            figures["memory/gpu_peak_MiB"] = torch.cuda.max_memory_allocated(module.device) / 2**20
        module.log_dict(figures, batch_size=1)
        self._images, self._seconds, self._start, self._step = 0, 0.0, now, step
