"""A training whose figures are no numbers any more ends by name, and the batch that showed it is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from contrastmask.errors import DataError, DivergedError
from contrastmask.files.whole_file import whole_file

KEPT = "diverged"  # the entry of the file, beside those of a checkpoint
_WAYS = "lower schedule.lr, lengthen schedule.warmup_steps or set trainer.gradient_clip_val"


class Divergence(pl.Callback):
    """Ends a training at the first step whose loss is not finite, before its gradients reach the weights.

    What raises FloatingPointError within a step (NaN proposals, a batch of NaN, weights that would be saved) ends it
    the same way. The weights and the batch are kept in the run folder, for `contrastmask debug`.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self._batch: Any = None

    @contextmanager
    def named(self) -> Iterator[None]:
        """What the block raises for numbers' sake is a DivergedError.

        Raises:
            DivergedError: step, losses, learning rate, the file that was kept, and ways out.
        """
        try:
            yield
        except FloatingPointError as error:
            raise DivergedError(self.said or str(error)) from error

    # ------------------------------------------------------------------------------------------------- looking
    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        """Have the batch at hand."""
        self._batch = batch

    def on_validation_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        """The same."""
        self._batch = batch

    def on_test_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        """The same."""
        self._batch = batch

    def on_before_backward(self, trainer: pl.Trainer, module: pl.LightningModule, loss: Tensor) -> None:
        """End before the gradients of such a loss reach the weights."""
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {float(loss)}")

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Replace no checkpoint by one of no use: gradients can be infinite though the loss is not."""
        wrong = unfit(checkpoint["state_dict"])
        if wrong:
            self._batch = None  # not its doing
            raise FloatingPointError(f"the weights are not finite ({', '.join(wrong[:3])}), nothing is saved")

    # ------------------------------------------------------------------------------------------------- keeping
    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """Say what there was; keep what showed it."""
        if not isinstance(exception, FloatingPointError):
            return
        batch = getattr(exception, "batch", self._batch)
        what, losses = str(exception), _losses(trainer)
        rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
        at = f"step {trainer.global_step} of epoch {trainer.current_epoch}" if trainer.training else "evaluation"
        told = ", ".join(f"{name} {value:.4g}" for name, value in losses.items()) or "none yet"
        parts = [f"{at}: {what}; losses: {told}"]
        if rates:
            parts.append(f"learning rate {max(rates):.4g}")
        self.said = "; ".join(parts)
        if batch is not None:
            content = {
                "state_dict": module.state_dict(),
                KEPT: {
                    "what": what, "at": at, "losses": losses, "rates": rates, "seed": torch.initial_seed(),
                    "epoch": trainer.current_epoch,
                    "training": bool(trainer.training), "precision": str(trainer.precision),
                    "eval": [name for name, part in module.named_modules() if not part.training],
                    "fixed": [name for name, value in module.named_parameters() if not value.requires_grad],
                    "batch": _plain(batch),
                },
            }  # fmt: skip
            module.on_save_checkpoint(content)
            self.said += f". {self._keep(content, trainer)}"
        self.said += f". Ways out: {_WAYS}, and resume from the last checkpoint or start again"

    def _keep(self, content: dict[str, Any], trainer: pl.Trainer) -> str:
        rank = f"-rank{trainer.global_rank}" if trainer.global_rank else ""
        path = self.folder / f"diverged-step{trainer.global_step}{rank}.pt"
        try:
            with whole_file(path) as file:
                torch.save(content, file)
        except (DataError, RuntimeError) as error:  # a full disk hides no divergence
            return f"The batch could not be kept ({error})"
        return (
            f"The weights and the batch ({_about(content[KEPT]['batch'])}) are in {path}; `contrastmask debug {path}` "
            "runs it again and names the first part whose result is not finite"
        )


def unfit(state: dict[str, Any]) -> list[str]:
    """Names of the tensors that hold NaN or infinity; a GPU is waited for once."""
    named = [(name, value) for name, value in state.items() if torch.is_tensor(value) and value.is_floating_point()]
    if not named:
        return []
    fine = torch.stack([torch.isfinite(value).all() for _, value in named]).tolist()
    return [name for (name, _), good in zip(named, fine, strict=True) if not good]


def _losses(trainer: pl.Trainer) -> dict[str, float]:
    """Of this step, or, where it came to none, of the one before."""
    start = "train/"
    logged = {name: float(v) for name, v in trainer.callback_metrics.items() if name.startswith(f"{start}loss")}
    ordered = sorted(logged.items(), key=lambda item: (math.isfinite(item[1]), item[0]))
    return {name.removeprefix(start): value for name, value in ordered}


def _about(batch: Any) -> str:
    """Which images, or, of a batch of objects, which rows of the training records."""
    if isinstance(batch, dict):
        return f"objects {', '.join(map(str, batch['row'].tolist()))}"
    return f"images {', '.join(str(target.get('image_id')) for target in batch[1])}"


def _plain(value: Any) -> Any:
    """Tensors on the host in plain containers."""
    if isinstance(value, Tensor):
        return value.detach().cpu().as_subclass(Tensor)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value
