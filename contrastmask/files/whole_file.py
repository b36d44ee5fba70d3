"""A file that is whole or as it was before."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from contrastmask.errors import DataError
from contrastmask.files.kinds import no_file


def make_output_folder(path: Path) -> None:
    """Make a folder that results will be written to, before work begins whose results would have no place.

    Raises:
        DataError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}); choose another output") from error


def write_whole(path: Path, text: str) -> None:
    """Write a UTF-8 file beside its place and move it there; folders are made.

    Raises:
        DataError: no permission, no room; what was there before is untouched.
    """
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes its place when the block ends: on the disk, and whole, or as it was before.

    Raises:
        DataError: no permission, no room; what was there before is untouched.
    """
    path = _place(path)
    part = part_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}); choose another output") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _place(path: Path) -> Path:
    """Where a file lies that ``path`` names: of a link where it leads to.

    Raises:
        DataError: there is something else than a file; a move would take the place of a device, such as ``/dev/null``.
    """
    if instead := no_file(path):
        raise DataError(f"{path} cannot be written: {instead}; choose another output")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def part_beside(path: Path, suffix: str = "") -> Path:
    """The name of a file to write before it takes the place of ``path``: no other writer's, on any machine.

    A process is known by its number on its own machine alone; two containers have the same ones.
    """
    name = path.name.removesuffix(suffix) if suffix else path.name
    return path.with_name(f".{name}.{secrets.token_hex(4)}.{os.getpid()}.part{suffix}")


def remove_stale_parts(path: Path) -> None:
    """Remove what killed processes left of ``path``, for the room that it takes; who alone may write the file asks."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        pid = part.name.split(".")[-2]
        if pid.isdigit() and not _lives(int(pid)):
            with contextlib.suppress(OSError):
                part.unlink()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_json(path: Path, content: Any, *, indent: int | None = 2) -> None:
    """Write ``content`` as :func:`write_whole` does; NaN and infinity, which JSON has not, are a ValueError."""
    write_whole(path, json.dumps(content, indent=indent, allow_nan=False) + "\n")


@contextlib.contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to, of the same ending; when the block ends well the file is synced and moved.

    Raises:
        DataError: there is something else than a file.
        OSError: it cannot be written or moved; what was there before is untouched.
    """
    path = _place(path)
    part = part_beside(path, path.suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
