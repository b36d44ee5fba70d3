"""A process that is killed (signal 9) at its n-th write, sync, rename or removal, in the middle of what is written."""

from __future__ import annotations

import builtins
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_REAL = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "truncate", "unlink", "rmdir", "mkdir")}
_OPEN = io.open


class _Countdown:
    def __init__(self, below: Path, last: int | None) -> None:
        self.below, self.last, self.seen = str(below), last, 0

    def event(self, first_half: Callable[[], None] = lambda: None) -> None:
        self.seen += 1
        if self.seen == self.last:
            first_half()
            os.kill(os.getpid(), signal.SIGKILL)


class _File:
    """A file whose writes are counted; the last one gets half of its bytes to the disk."""

    def __init__(self, file: Any, count: _Countdown) -> None:
        self._file, self._count = file, count

    def write(self, data: Any) -> int:
        def half() -> None:
            self._file.write(data[: len(data) // 2])
            self._file.flush()

        self._count.event(half)
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._file.__exit__(*error)

    def __iter__(self) -> Any:
        return iter(self._file)


def _count(below: Path, last: int | None) -> _Countdown:
    """Count from here on, in this process, what happens below a folder; end it at the event ``last``."""
    count = _Countdown(below, last)

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        found = _OPEN(file, mode, *args, **kwargs)
        writes = isinstance(file, (str, os.PathLike)) and str(file).startswith(count.below) and set(mode) & set("wax+")
        return _File(found, count) if writes else found

    def watched(name: str) -> Callable[..., Any]:
        def call(place: Any, *args: Any, **kwargs: Any) -> Any:
            if name == "fsync" or str(place).startswith(count.below):
                count.event()
            return _REAL[name](place, *args, **kwargs)

        return call

    io.open = builtins.open = opened
    for name in _REAL:
        setattr(os, name, watched(name))
    return count


def ended_at(last: int, below: Path, work: Callable[[], Any]) -> bool:
    """Whether ``work``, done in a process of its own, was killed at its ``last``-th event; else it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            _count(below, last)
            work()
            os._exit(0)
        except BaseException as error:
            print(f"in the child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(7)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def every_end(below: Path, work: Callable[[], Any], look: Callable[[int], None], *, step: int = 1) -> int:
    """Kill ``work`` at its first event, look; at the next, …, until it comes to its end; how often it was killed."""
    last = 1
    while ended_at(last, below, work):
        look(last)
        last += step
        assert last < 100_000
    look(last)
    return (last - 1) // step
