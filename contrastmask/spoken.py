"""What the programs say: short lines for people, on the terminal and in the log; one process of a run speaks.

Where nothing has been set up to show them (the package used from Python), lines are records of the logger
``contrastmask`` and nothing is printed.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from typing import Any

FIRST = 10.0  # seconds until the first line of a pulse: how long it will take is what people ask first
LOGGER = logging.getLogger("contrastmask")
_ALWAYS = ExitStack()  # what lasts as long as the process


def say(text: str) -> None:
    """Tell what is being done, from where, and where the result is."""
    if is_first_process():
        LOGGER.info(text)


def say_tables(tables: Iterable[Any]) -> None:
    """Tell rich's tables, as plain text and as wide as the terminal."""
    from rich.console import Console  # late: what only looks at data starts without it

    width = shutil.get_terminal_size((100, 24)).columns
    for table in tables:
        console = Console(file=StringIO(), width=width, force_terminal=False)
        console.print(table)
        say("\n".join(line.rstrip() for line in console.file.getvalue().splitlines()))


def warn(text: str) -> None:
    """Tell what the user should look at or act on."""
    if is_first_process():
        LOGGER.warning(text)


def is_first_process() -> bool:
    """Whether this is the first process of a run; what starts the others puts their number into the environment."""
    return all(int(os.environ.get(name) or 0) == 0 for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK"))


class Terminal(logging.Handler):
    """Prints a record's own words, warnings marked as such, to wherever the standard output goes at that moment.

    A progress bar takes the standard output over while it is shown; a handler that kept the stream would write into it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print ``record``."""
        mark = "warning: " if record.levelno >= logging.WARNING else ""
        text = record.getMessage()
        print(text if text.startswith(mark) else mark + text, flush=True)


class RunLog(logging.FileHandler):
    """The run's log; a disk that is full is told once, where logging would print a traceback for every line."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Called by logging for whatever a line meets."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            reason = error.strerror or error
            print(f"warning: {self.baseFilename} cannot be written ({reason}); the run goes on", file=sys.stderr)

    def close(self) -> None:
        """At the end, what is still waiting included."""
        try:
            super().close()
        except OSError:
            self.handleError(logging.makeLogRecord({}))


class SpokenWarning(UserWarning):
    """A warning of ours that the user should see; others' stay in the log."""


@contextmanager
def warnings_in_the_log() -> Iterator[None]:
    """Warnings become records: ours spoken, other people's in the log alone."""
    logging.captureWarnings(True)
    to_log = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
        if issubclass(category, SpokenWarning):
            warn(str(message))
        else:
            to_log(message, category, *place, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = to_log
        logging.captureWarnings(False)


def speak_in_worker() -> None:
    """In a process that a program started anew, without what a fork takes along: say what the program would say.

    To be called at the start of the process, for all of its life.
    """
    if not LOGGER.handlers:
        LOGGER.addHandler(Terminal())
        LOGGER.setLevel(logging.INFO)
        _ALWAYS.enter_context(warnings_in_the_log())


class Pulse:
    """A line every so often about work that takes long, for outputs that no progress bar can live in.

    Args:
        what: what is being done, as in "evaluating".
        total: pieces of work; None where it is not known.
        unit: what the pieces are called. done: pieces that an earlier run did.
        every: seconds between lines. tell: shows a line; None is `say`.
        clock: of seconds.
    """

    def __init__(
        self,
        what: str,
        total: int | None,
        unit: str,
        *,
        done: int = 0,
        every: float = 30.0,
        tell: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total, self.unit, self.every, self.clock = what, total, unit, every, clock
        self.done, self.tell = done, tell or say
        self._start = self._since = clock()
        self._before = done
        self._next = self._start + min(every, FIRST)

    def add(self, pieces: int = 1, more: str = "") -> None:
        """Count pieces that are done; ``more`` is said beside the count."""
        self.done += pieces
        now = self.clock()
        if now >= self._next:
            self._next = now + self.every
            self.tell(self.line(now, more))
            self._since, self._before = now, self.done

    def line(self, now: float, more: str = "") -> str:
        """The line at ``now``: how far, how fast since the last line, how long still at that rate."""
        rate = (self.done - self._before) / max(now - self._since, 1e-9)
        of = "" if self.total is None else f" of {self.total}"
        left = ""
        if self.total is not None and rate > 0:
            left = f", about {duration((self.total - self.done) / rate)} left"
        return f"{self.what}: {self.done}{of} {self.unit}{more}, {rate:.3g} {self.unit}/s{left}"


def duration(seconds: float) -> str:
    """``35 s``, ``4:05 min`` or ``2:04 h``."""
    seconds = max(round(seconds), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes}:{seconds:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


def is_terminal() -> bool:
    """Whether the standard output is a terminal, where a progress bar can be shown."""
    return sys.stdout.isatty()
