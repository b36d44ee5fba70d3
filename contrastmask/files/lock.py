"""One process at a time at one place: the second is told who is there."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from contrastmask.errors import DataError

try:
    import fcntl
except ImportError:  # not a POSIX system: two processes may then write one place
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def held(path: Path, note: Path | None = None) -> Iterator[None]:
    """Hold ``path``, a file or folder that is to be written, against every other process that asks for it here.

    The lock is the system's on the file ``note`` (None: ``.NAME.lock`` beside the path), and falls with the process
    that has it, however that ends; the file tells who it is, and is removed at the end. Where the file system cannot
    lock, nothing is held.

    Raises:
        DataError: another process has it (the message says which), or the place cannot be written.
    """
    note = note or path.with_name(f".{path.name}.lock")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(path, note)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}); choose another output") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink()  # before letting go: who waits for this file finds it gone and makes another
        file.close()


def _locked(path: Path, note: Path) -> IO[str]:
    while True:
        file = note.open("a+", encoding="utf-8")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                who = file.read().strip() or "another process"
                file.close()
                raise DataError(
                    f"{path} is being written by {who}; wait for its end, or choose another output"
                ) from None
            except OSError:  # no locks on this file system
                pass
        if _still_there(file, note):
            with contextlib.suppress(OSError):  # a full disk: the lock holds without its note
                file.truncate(0)
                started = time.strftime("%Y-%m-%d %H:%M:%S")
                file.write(f"process {os.getpid()} on {socket.gethostname()}, started {started}\n")
                file.flush()
            return file
        file.close()  # removed by its holder between these lines


def _still_there(file: IO[str], note: Path) -> bool:
    try:
        return os.stat(note).st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
