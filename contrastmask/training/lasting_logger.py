"""A logger that cannot write ends nothing: a full disk costs figures, not the training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from contrastmask.errors import system_error
from contrastmask.spoken import warn

# what a trainer, and this package, call on a logger of any kind
_WRITES = ("log_hyperparams", "log_metrics", "log_graph", "log_image", "log_table", "save", "finalize",
           "after_save_checkpoint")  # fmt: skip
_ROOM = 1 << 20  # bytes that must be free before a logger whose writer died is given another one


@contextmanager
def told_once(logger: Logger) -> Iterator[None]:
    """Leave out what a file or disk cannot take, and tell the first of it."""
    try:
        yield
    except Exception as error:
        reason = system_error(error)  # TensorBoard's is a ValueError about what was to be logged
        if reason is None:
            raise
        if isinstance(logger, TensorBoardLogger):
            logger._experiment = None  # its thread has ended: the next figures need a file of their own
        if not getattr(logger, "told", False):
            logger.told = True
            warn(f"{type(logger).__name__} cannot write ({reason}); the run goes on without these figures")


def has_room(logger: Logger) -> bool:
    """Whether a logger may write: it has not failed yet, or there is room again."""
    return not getattr(logger, "told", False) or shutil.disk_usage(logger.save_dir or ".").free > _ROOM


def going_on(logger: Logger) -> Logger:
    """The logger, which leaves out what it cannot write."""

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def write(*args: Any, **kwargs: Any) -> Any:
            if not isinstance(logger, TensorBoardLogger) or has_room(logger):
                with told_once(logger):
                    return method(*args, **kwargs)
            return None

        return write

    for name in _WRITES:
        if hasattr(logger, name):
            setattr(logger, name, guarded(getattr(logger, name)))
    return logger
