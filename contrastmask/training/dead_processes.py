"""When a process of a run dies (killed, out of memory), the others end in time and say so."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
from pytorch_lightning.plugins.environments import LightningEnvironment

from contrastmask.errors import ProcessError

# gloo's and NCCL's words for a peer that does not answer any more
_GONE = re.compile(
    r"closed by peer|reset by peer|Broken pipe|Connection refused|remote process exited|NCCL.*(abort|timeout)",
    re.IGNORECASE,
)


@contextmanager
def dead_processes_named(trainer: pl.Trainer, goes_on: str = "") -> Iterator[None]:
    """What the block raises because another process has gone is one sentence.

    Args:
        goes_on: the command line that goes on from the last checkpoint; empty for an evaluation.

    Raises:
        ProcessError: it has.
    """
    try:
        yield
    except RuntimeError as error:
        if trainer.world_size == 1 or not _GONE.search(str(error)):
            raise
        line = str(error).strip().splitlines()[-1]
        further = f". To go on from the last checkpoint: {goes_on}" if goes_on else ""
        raise ProcessError(
            f"another process of this run has gone (of {trainer.world_size}; {line}): its own message stands above, or "
            f"the system has killed it, for want of memory perhaps{further}"
        ) from error


class Orphans(pl.Callback):
    """Ends a process that Lightning started when the one that started it has gone.

    (Lightning 2.6.6 watches in the other direction only; a process that waits for a GPU's collective would wait for
    half an hour.)

    Args:
        every: seconds between two looks.
    """

    def __init__(self, every: float = 5.0) -> None:
        self.every = every
        self._watching = False

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Begin to look, once."""
        environment = getattr(trainer.strategy, "cluster_environment", None)
        if isinstance(environment, LightningEnvironment) and trainer.local_rank > 0 and not self._watching:
            self._watching = True
            end_with_parent(self.every)


def end_with_parent(every: float) -> None:
    """Have this process killed within ``every`` seconds after its parent has gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    threading.Thread(target=watch, daemon=True, name="parent-observer").start()
