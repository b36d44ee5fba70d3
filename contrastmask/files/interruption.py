"""Signals that end the program: at once, or, where something has to become whole first, after it.

SIGTERM (a batch system, a container's stop) and SIGINT (Ctrl+C) end it with the exit status 128 + signal. Work that
must not be torn apart runs inside :func:`deferred` and asks :func:`received` where it can stop. SIGUSR1 asks for a
checkpoint in between and ends nothing.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGINT)
SAVING = getattr(signal, "SIGUSR1", None)  # Windows has none


class Ended(SystemExit):
    """The program was asked to end; its ``code`` is the exit status that says so.

    Args:
        signum: the signal.
        whole: False where it was raised in the middle of something, whose state is then not to be kept.
    """

    def __init__(self, signum: int, *, whole: bool) -> None:
        super().__init__(128 + signum)
        self.signal, self.whole = signal.Signals(signum), whole


class _State:
    received: signal.Signals | None = None
    depth = 0
    save_wanted = False


def received() -> signal.Signals | None:
    """The signal that asks the program to end, None while there is none."""
    return _State.received


def note(signum: int) -> None:
    """Have this process, too, end by a signal that another one of the run has received."""
    _State.received = signal.Signals(signum)


def save_wanted() -> bool:
    """Whether SIGUSR1 has asked for a checkpoint since the last call."""
    wanted, _State.save_wanted = _State.save_wanted, False
    return wanted


def _end(signum: int, frame: FrameType | None) -> None:
    again = _State.received is not None
    _State.received = signal.Signals(signum)
    # a second Ctrl+C is a person who does not want to wait; batch systems repeat SIGTERM
    if _State.depth == 0 or (again and signum == signal.SIGINT):
        raise Ended(signum, whole=_State.depth == 0)


def _save(signum: int, frame: FrameType | None) -> None:
    _State.save_wanted = True


def listen() -> None:
    """Take the signals, also from a library that has taken them since; in the main thread alone, as Python demands."""
    if threading.current_thread() is threading.main_thread():
        for signum in ENDING:
            signal.signal(signum, _end)
        if SAVING is not None:
            signal.signal(SAVING, _save)


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Take the signals within the block and give them back after it; what comes outside :func:`deferred` ends at once.

    Raises:
        Ended: the program was asked to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _forget()
    before: dict[int, Any] = {s: signal.getsignal(s) for s in (*ENDING, SAVING) if s is not None}
    listen()
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)
        _forget()


def _forget() -> None:
    _State.received, _State.depth, _State.save_wanted = None, 0, False


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let what is inside become whole: a signal is noted, and ends the program when the block has ended well.

    Raises:
        Ended: a signal came meanwhile.
    """
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
    if _State.received is not None and _State.depth == 0:
        raise Ended(_State.received, whole=True)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """The opposite, within :func:`deferred`: long work that changes nothing may be ended in the middle.

    Raises:
        Ended: a signal came before or meanwhile.
    """
    depth, _State.depth = _State.depth, 0
    try:
        if _State.received is not None and depth:
            raise Ended(_State.received, whole=True)
        yield
    finally:
        _State.depth = depth
