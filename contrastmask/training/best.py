"""The best checkpoint: by the first figure that there is, and never an end to the training for want of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from contrastmask.evaluation.watched import DECIDING, LOSS, WATCHED, explained, first_figure, unjudged
from contrastmask.spoken import say


class Best(Checkpoint):
    """Saves a checkpoint whenever the figure that it follows has become better.

    It follows the first of ``watch`` that is logged with a finite value. A figure that comes later in the training than
    another, and stands before it in the list, takes over.

    (Lightning's ModelCheckpoint watches one name, and ends the training where that is not logged.)

    Args:
        path: the file; the one that was best before is replaced.
        watch: logged names, the wanted one first. Greater is better, but for ``epoch/loss``.
    """

    def __init__(self, path: str, watch: Sequence[str] = tuple(WATCHED)) -> None:
        self.path, self.watch = Path(path), list(watch)
        self.figure: str | None = None
        self.value = math.nan
        self.evaluated = False

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Look at what the evaluation gave; an epoch's loss is not whole yet."""
        self.evaluated |= not trainer.sanity_checking
        self._consider(trainer, [name for name in self.watch if name != LOSS])

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Look again, the epoch's loss among the figures."""
        self._consider(trainer, self.watch)

    def _consider(self, trainer: pl.Trainer, watch: list[str]) -> None:
        if trainer.sanity_checking or trainer.fast_dev_run or trainer.state.fn != "fit":
            return
        figures = {k: float(v) for k, v in trainer.callback_metrics.items() if math.isfinite(float(v))}
        name = first_figure(figures, watch)
        known = self.figure in self.watch
        if name is None or (known and self.watch.index(name) > self.watch.index(self.figure)):
            return
        if name != self.figure:
            self.figure, self.value = name, math.nan
            say(explained(name, self.watch, self._unjudged(trainer) if name == LOSS else None))
        value = -figures[name] if name == LOSS else figures[name]
        if not value <= self.value:  # NaN: the first value
            self.value = value
            trainer.save_checkpoint(self.path)

    def _unjudged(self, trainer: pl.Trainer) -> str | None:
        """Why there is nothing but the loss, where that is for want of an evaluation."""
        never = unjudged(**{setting: getattr(trainer, setting) for setting in DECIDING})
        return never or (None if self.evaluated else "no evaluation yet")

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training goes on from."""
        return {"figure": self.figure, "value": self.value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there, as far as the file is still there to be the best."""
        if self.path.is_file():
            self.figure, self.value = state_dict["figure"], state_dict["value"]
