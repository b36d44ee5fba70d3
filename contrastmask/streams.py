"""What a program says must not end what it does: a full disk behind ``> log.txt``, a ``| tee`` that was killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO


class _Lasting(FileIO):
    """A descriptor that loses what it cannot write; ``lost`` is why it first did."""

    lost: OSError | None = None

    def write(self, data: bytes | memoryview) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(data).nbytes


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Standard output and error that end nothing within the block.

    What the encoding has no sign for is written as an escape; what cannot be written is lost.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = now = _lasting(sys.stdout), _lasting(sys.stderr)
    try:
        yield
    finally:
        for stream in now:
            with suppress(OSError, ValueError):
                stream.flush()
        if (sys.stdout, sys.stderr) == now:
            sys.stdout, sys.stderr = before


def lost_output() -> str | None:
    """Within `lasting_streams`: why some of the standard output was lost; None where it was not, or nobody reads on."""
    raw = _raw(sys.stdout)
    if not isinstance(raw, _Lasting):
        return None
    sys.stdout.flush()
    return None if raw.lost is None or isinstance(raw.lost, BrokenPipeError) else str(raw.lost.strerror)


def _lasting(stream: TextIO) -> TextIO:
    if not isinstance(stream, TextIOWrapper):
        return stream
    raw = _raw(stream)
    if type(stream) is not TextIOWrapper or type(raw) is not FileIO:  # ours already, or of who captures what is said
        with suppress(OSError):
            stream.reconfigure(errors="backslashreplace")
        return stream
    with suppress(OSError):
        stream.flush()
    lasting = _Lasting(raw.fileno(), "wb", closefd=False)
    return TextIOWrapper(
        lasting if stream.buffer is raw else BufferedWriter(lasting),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _raw(stream: TextIO) -> Any:
    """What a stream writes to in the end; without a buffer between them where Python runs unbuffered."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)
