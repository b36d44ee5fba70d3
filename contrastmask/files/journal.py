"""Work that survives being killed: finished pieces, one JSON line with a checksum each, in a file beside the output.

A killed process loses no finished piece; a machine that loses its power loses those of the last second, as waiting for
the disk after every piece would take longer than the work of many.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from contrastmask.errors import DataError
from contrastmask.files.kinds import no_file

SYNC_EVERY = 1.0  # seconds


class Journal:
    """Finished pieces of a work, kept on disk as they come.

    Args:
        path: the journal's file; one of an interrupted run with the same identity is continued.
        identity: plain values that decide the work's result.
        may_differ: names of values that may be others than those of the run that is continued.
        of_another: what is said of the file where the identity is another; {} stands for the values that differ.
        sync_every: seconds; a piece that comes later than that after the last wait for the disk waits for it again.

    Attributes:
        pieces: what is finished, in any JSON form, by the piece's number.

    Raises:
        DataError: the file is no journal, one of another work (the message names what differs), or a line is damaged.
    """

    def __init__(
        self,
        path: Path,
        identity: dict[str, Any],
        sync_every: float = SYNC_EVERY,
        *,
        may_differ: Collection[str] = (),
        of_another: str = "is of an interrupted run with other settings ({}): repeat it with those, or remove the file "
        "to start anew",
    ) -> None:
        self.path, self.sync_every, self._may_differ, self._of_another = path, sync_every, may_differ, of_another
        self.pieces: dict[int, Any] = {}
        self._synced = float("-inf")
        identity = json.loads(json.dumps(identity))
        whole = 0
        if instead := no_file(path):
            raise DataError(f"{path} is no journal of this program: {instead}; remove it or choose another output")
        try:
            if path.exists():
                whole = self._read(path.read_bytes(), identity)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)  # what fails is not tried again later
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror}); choose another output") from error
        self._file.truncate(whole)  # a line that the end of the process cut off is done again
        if whole == 0:
            self._write(json.dumps(identity))

    def _read(self, content: bytes, identity: dict[str, Any]) -> int:
        """Take in the whole lines; returns their bytes."""
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        if not lines:
            if content.startswith(b"{") or not content:
                return 0
            raise DataError(f"{self.path} is no journal of this program; remove it or choose another output")
        try:
            found = json.loads(lines[0])
            fixed = (found.keys() | identity.keys()) - set(self._may_differ)
            differing = sorted(k for k in fixed if found.get(k) != identity.get(k))
        except (ValueError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{self.path} is no journal of this program ({error}); remove it or choose another output"
            ) from None
        if differing:
            said = ", ".join(f"{k} was {found.get(k)!r}, is {identity.get(k)!r}" for k in differing)
            raise DataError(f"{self.path} {self._of_another.format(said)}")
        for place, line in enumerate(lines[1:], 2):
            number, piece = self._piece(place, line)
            self.pieces[number] = piece
        return whole

    def _piece(self, place: int, line: bytes) -> tuple[int, Any]:
        """Number and content of a line; the lines of earlier versions have no checksum."""
        try:
            number, piece, *checksum = json.loads(line)
            whole = not checksum or checksum == [zlib.crc32(line[: line.rindex(b",")] + b"]")]
        except (ValueError, TypeError, RecursionError):
            number, piece, whole = None, None, False
        if type(number) is not int or not whole:
            raise DataError(
                f"{self.path}: line {place} is damaged; take that line out to go on without what it holds, "
                "or remove the file to start anew"
            )
        return number, piece

    def add(self, number: int, piece: Any) -> None:
        """Keep a finished piece: the system has it when this returns, the disk within a second or at :meth:`sync`.

        Raises:
            DataError: it cannot be written; the file ends with the last whole piece.
        """
        text = json.dumps([number, piece])
        self._write(f"{text[:-1]}, {zlib.crc32(text.encode())}]")
        self.pieces[number] = json.loads(text)[1]  # as a continued run would read it

    def sync(self) -> None:
        """Wait until all that was added is on the disk."""
        self._write("")

    def _write(self, line: str) -> None:
        try:
            if line:
                self._append(line.encode() + b"\n")
            if not line or time.monotonic() - self._synced >= self.sync_every:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror}; mend it and start again to go on from here") from error

    def _append(self, line: bytes) -> None:
        whole = os.fstat(self._file.fileno()).st_size
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError:  # the next line must not stand behind half of this one
            with contextlib.suppress(OSError):
                self._file.truncate(whole)
            raise

    def close(self, *, remove: bool = False) -> None:
        """Close the file, and remove it once the work's result is safe."""
        self._file.close()
        if remove:
            self.path.unlink()
