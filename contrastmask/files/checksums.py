"""The checksums of a zip archive, which neither torch nor numpy looks at in full."""

from __future__ import annotations

import zipfile
from pathlib import Path

_HEAD = b"PK\x03\x04"
_PIECE = 1 << 22


def damage(path: Path) -> str | None:
    """What is damaged in a zip archive; None where every entry has the bytes that it was written with.

    A file that is no zip archive, or was written without checksums (``torch.serialization.set_crc32_options(False)``
    leaves all of them 0), cannot be judged and gives None. The whole file is read once, in pieces.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_HEAD)) != _HEAD:
            return None
    entry = ""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if not any(entry.CRC for entry in entries):
                return None
            for info in entries:
                entry = f" in {info.filename}"
                with archive.open(info) as stream:
                    while stream.read(_PIECE):
                        pass
    except OSError:
        raise
    # A damaged header can make zipfile stumble over nearly anything (BadZipFile, struct.error, RuntimeError, …).
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        return f"its checksums do not agree with its content{entry} ({type(error).__name__}: {first})"
    return None
