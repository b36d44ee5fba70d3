"""A run that is asked to end (SIGTERM, Ctrl+C) saves first, on all its processes at the same step."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.plugins.environments import LightningEnvironment, SLURMEnvironment
from pytorch_lightning.utilities import rank_zero_only

from contrastmask.files import interruption
from contrastmask.files.interruption import Ended
from contrastmask.training.distributed import world_size


class Ending(pl.Callback):
    """Ends at the next whole step with a checkpoint, exit status 143 or 130; SIGUSR1 saves one and goes on.

    Lightning 2.6.6 ends with status 0 and without a checkpoint, and talks to the other processes from within the signal
    handler, where they wait for something else. Here the handler only takes note; after each step the processes agree
    by the sum of their notes, read one step later, so that nothing waits. In an evaluation, which has no common steps,
    the processes of one machine pass the signal on, leave out the images that remain and agree at its end.

    Args:
        checkpoint: the file to save a training to; None for none.
        goes_on: the command line that goes on from it.

    Attributes:
        evaluates: the command line that makes the evaluation that follows; empty while there is nothing to evaluate.
    """

    def __init__(self, checkpoint: Path | None, goes_on: str = "") -> None:
        self.checkpoint, self.goes_on = checkpoint, goes_on
        self.evaluates = ""
        self._told = False
        self._group: Any = None
        self._asked: tuple[Any, torch.Tensor] | None = None
        self._signal = 0  # that the processes agreed on
        self._peers: list[int] = []
        self._seen = 0

    # ------------------------------------------------------------------------------------------- who is there
    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Meet the other processes."""
        self._asked, self._signal = None, 0
        if world_size() > 1 and self._group is None:
            self._group = dist.new_group(backend="gloo")  # on the host: asking waits for no GPU
            everyone: list[Any] = [None] * world_size()
            dist.all_gather_object(everyone, (socket.gethostname(), os.getpid()), group=self._group)
            here = socket.gethostname()
            self._peers = [pid for host, pid in everyone if host == here and pid != os.getpid()]

    def on_sanity_check_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Lightning has just taken the signals."""
        interruption.listen()

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """The same."""
        interruption.listen()

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """The same."""
        interruption.listen()
        self._seen = 0

    # ------------------------------------------------------------------------------------------------ training
    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End or save where a process was asked to."""
        signum, save = self._agreed()
        if signum:
            self._signal = signum
            interruption.note(signum)
        # Lightning cannot go on from between an epoch's last step and its end: a validation follows, or another step
        if self._signal and not trainer.is_last_batch and (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            raise Ended(self._signal, whole=True)
        if save:
            self._save_between(trainer)

    def _agreed(self) -> tuple[int, bool]:
        """The signal that any process had at the step before (on one process: that it has), and whether to save."""
        mine = torch.tensor([int(interruption.received() or 0), int(interruption.save_wanted())])
        if self._group is None:
            return int(mine[0]), bool(mine[1])
        before, self._asked = self._asked, (self._ask(mine), mine)
        if before is None:
            return 0, False
        work, answer = before
        work.wait()
        if answer[0]:  # every process comes here at the same step; the later question is answered, too
            self._asked[0].wait()
            self._asked = None
        return int(answer[0]), bool(answer[1])

    def _ask(self, mine: torch.Tensor) -> Any:
        return dist.all_reduce(mine, dist.ReduceOp.MAX, group=self._group, async_op=True)

    def _save_between(self, trainer: pl.Trainer) -> None:
        environment = trainer.strategy.cluster_environment if hasattr(trainer.strategy, "cluster_environment") else None
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
            # Lightning's own answer, which also asks Slurm to start the job again, but between two steps
            trainer._signal_connector._slurm_sigusr_handler_fn(signal.SIGUSR1, None)
        elif self.checkpoint is not None:
            trainer.save_checkpoint(self.checkpoint)
            _say(f"checkpoint {self.checkpoint} after step {trainer.global_step}, as SIGUSR1 asked")

    # ---------------------------------------------------------------------------------------------- evaluation
    def on_validation_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Leave out what remains."""
        self._leave()

    def on_test_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        """The same."""
        self._leave()
        self._seen += len(batch[0])

    def _leave(self) -> None:
        signum = interruption.received()
        if signum is None and not self._signal:
            return
        while self._peers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._peers.pop(), signal.SIGTERM)
        raise StopIteration  # the evaluation loop's own sign that the loader is empty

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """End, before a part of the images is judged."""
        self._end_evaluation()

    def on_test_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """The same."""
        self._end_evaluation()

    def _end_evaluation(self) -> None:
        mine = torch.tensor([self._signal or int(interruption.received() or 0)])
        if self._group is not None:
            dist.all_reduce(mine, dist.ReduceOp.MAX, group=self._group)
        if mine[0]:
            raise Ended(int(mine[0]), whole=True)

    # ----------------------------------------------------------------------------------------------- at the end
    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """Save a training; say what there is and how to go on."""
        if not isinstance(exception, Ended):
            return
        name, self._told = exception.signal.name, True
        if trainer.testing:
            cut = f"{name}: the evaluation was cut off after {self._seen} images of this process; it has no results"
            _say(cut + self._to_evaluate())
        elif not exception.whole:
            there = self.checkpoint is not None and self.checkpoint.is_file()
            further = f"; to go on from it: {self.goes_on}" if there else ""
            _say(f"{name} again: ended in the middle of a step, nothing saved since the last checkpoint{further}")
        elif self.checkpoint is not None:
            trainer.save_checkpoint(self.checkpoint)
            _say(f"{name}: ended after step {trainer.global_step}; to go on: {self.goes_on}")
        environment = getattr(trainer.strategy, "cluster_environment", None)
        if isinstance(environment, LightningEnvironment) and trainer.local_rank > 0:
            exception.code = 0  # else Lightning kills the first process, which alone answers for the run

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Within it a training becomes whole; of a signal that came too late to end it in the middle nothing else
        would tell.

        Raises:
            Ended: as it came.
        """
        try:
            yield
        except Ended as end:
            if not self._told:
                _say(f"{end.signal.name}: ended after the training and before its evaluation{self._to_evaluate()}")
            raise

    def _to_evaluate(self) -> str:
        return f"; to evaluate: {self.evaluates}" if self.evaluates else ""


@rank_zero_only
def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
