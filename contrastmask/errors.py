"""The errors a user can cause and mend. Each message names the file, image or annotation and the way out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from contrastmask.streams import lasting_streams, lost_output


class ContrastMaskError(Exception):
    """Base of every error raised on purpose by this package.

    Args:
        message: what is wrong, and the way out.
        lines: what may have led to it, a line each; they stand below the message.

    One that is raised in a loader's worker process arrives with the worker's traceback as its message
    (``torch._utils.ExceptionWrapper``); of that the sentence is kept.
    """

    def __init__(self, message: str = "", lines: Iterable[str] = ()) -> None:
        mark = f"\n{type(self).__module__}.{type(self).__qualname__}: "
        if message.startswith("Caught ") and mark in message:
            message = message.rpartition(mark)[2].rstrip("\n")
        super().__init__(message)
        self.message, self.lines = message, tuple(lines)

    def __str__(self) -> str:
        return "\n  ".join([self.message, *self.lines])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.lines)


class DataError(ContrastMaskError):
    """An image, an annotation file or one of its records cannot be used."""


class ConfigError(ContrastMaskError):
    """A setting, or a combination of settings, makes no sense."""


class CheckpointError(ContrastMaskError):
    """A checkpoint cannot be read, or does not fit the model or the data."""


class DivergedError(ContrastMaskError):
    """A figure of a training or an evaluation is not finite: its loss, its weights, a predicted or a given box."""


class ProcessError(ContrastMaskError):
    """Another process of the run has gone."""


def system_error(error: BaseException | None) -> OSError | None:
    """The OSError that an error is or came of, None where it came of none."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def told(error: BaseException) -> str | None:
    """What a user reads of an error, ``Kind: what``; None where it is no error that a user can mend.

    An OSError that names a file is one, wherever it was met: a name that is too long, a folder that is closed to us.
    """
    if isinstance(error, ContrastMaskError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{DataError.__name__}: {error.filename}: {error.strerror or error}"
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # Path.resolve() before Python 3.13
        return f"{DataError.__name__}: {error}"
    return None


def plain_errors(task: Callable[..., Any]) -> Callable[..., Any]:
    """Show errors that a user can mend as one message instead of a traceback; exit status 1.

    What cannot be printed ends nothing (`contrastmask.streams`); where a full disk lost some of it, the status is 1.
    """

    @wraps(task)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with lasting_streams():
            try:
                result = task(*args, **kwargs)
            except Exception as error:
                if (said := told(error)) is None:
                    raise
                print(said, file=sys.stderr)
                sys.exit(1)
            if why := lost_output():
                print(f"the work is done; what it printed was lost in part ({why})", file=sys.stderr)
                sys.exit(1)
            return result

    return guarded
