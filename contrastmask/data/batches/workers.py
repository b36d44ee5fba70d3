"""Loader processes: they speak as the program does, and a run that is asked to end needs them until it has saved."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType

from contrastmask.spoken import LOGGER, speak_in_worker


def worker_start() -> Callable[[int], None]:
    """What a loader's processes begin with, for ``worker_init_fn``."""
    return partial(_begin, spoken=bool(LOGGER.handlers))


def _begin(worker: int, *, spoken: bool) -> None:
    outlive_signals(worker)
    if spoken:
        speak_in_worker()


def outlive_signals(worker: int) -> None:
    """Make a loader process leave the first SIGTERM and every SIGINT to its parent, which ends it in its own time.

    A terminal and a batch system send both to all processes of a run; a loader that dies of it makes the parent raise
    wherever it is, in the middle of a step. A second SIGTERM ends it: that is how the parent does it.
    """
    told = False

    def end(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            os._exit(0)
        told = True

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
