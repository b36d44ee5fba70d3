"""A folder that is whole or absent: written beside its place and renamed, by one process at a time."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from contrastmask.errors import DataError
from contrastmask.files.lock import held

try:
    import fcntl
except ImportError:  # not a POSIX system: two processes may then do the work twice, and the later one yields
    fcntl = None  # type: ignore[assignment]


def publish_folder(root: Path, write: Callable[[Path], None], is_whole: Callable[[], bool]) -> None:
    """Makes sure that `root` is whole.

    Args:
        root: absolute path of the folder.
        write: fills the empty folder given to it. What it raises, an interruption too, leaves `root` as it was.
        is_whole: whether `root` needs no writing; asked again when another process has been waited for. It raises where
            `root` must not be replaced.
    """
    if is_whole():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with _lock(root) as alone:
        if is_whole():  # another process was faster
            return
        if alone:  # what killed processes left behind
            for stale in root.parent.glob(f".{root.name}.*.tmp"):
                shutil.rmtree(stale, ignore_errors=True)
        _put(root, write, is_whole, alone)


def replace_folder(root: Path, write: Callable[[Path], None], check: Callable[[], None]) -> None:
    """Writes `root` anew, in place of what is there; a second process that wants to is told who is at it.

    Args:
        root, write: as for :func:`publish_folder`.
        check: raises where `root` must not be replaced; asked when no other process can change it.

    Raises:
        DataError: another process writes it, or there is no permission or no room; what was there is untouched.
    """
    with held(root):
        check()
        try:
            _put(root.absolute(), write, lambda: False, True)
        except OSError as error:
            raise DataError(f"{root} cannot be written ({error.strerror or error}); choose another output") from error


def _put(root: Path, write: Callable[[Path], None], is_whole: Callable[[], bool], alone: bool) -> None:
    fresh, old = (root.parent / f".{root.name}.{uuid.uuid4().hex}.tmp" for _ in range(2))
    try:
        fresh.mkdir()
        write(fresh)
        if not alone and is_whole():  # another process was faster: its folder may have readers by now
            return
        try:
            if root.exists():
                root.rename(old)
            fresh.rename(root)
        except OSError:  # or it came between these two lines
            if not is_whole():
                raise
    finally:
        if old.exists() and not root.exists():  # ended between these two lines, by a signal perhaps
            old.rename(root)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _lock(root: Path) -> Iterator[bool]:
    """One process a folder, the others wait; yields False where the file system cannot lock.

    The empty lock file stays: removing it would let a third process lock another file of the same name.
    """
    with open(root.parent / f".{root.name}.lock", "a") as file:
        alone = False
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
                alone = True
        yield alone  # closing the file lets go
