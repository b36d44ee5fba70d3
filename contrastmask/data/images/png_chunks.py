"""The checksums of a PNG file, tested before libpng sees its pixels.

torchvision 0.29.1 ends the whole process (SIGSEGV) in the error that libpng reports of a damaged file; 0.26.0 raises.
"""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = 8  # bytes


def check_chunks(content: bytes) -> None:
    """Pass over a PNG file whose critical chunks are whole; damage to what a decoder may leave out does not count.

    Raises:
        ValueError: a chunk is cut off or its checksum is wrong, or pixels are missing.
    """
    at, parts = _SIGNATURE, []
    while at + 12 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        end = at + 8 + size
        said = name.decode("latin-1")
        if name == b"IEND":
            return
        if end + 4 > len(content):
            raise ValueError(f"the PNG file ends within its chunk {said!r}")
        critical = not name[0] & 0x20  # a capital, as the format marks what no decoder may leave out
        if critical and zlib.crc32(memoryview(content)[at + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise ValueError(f"the PNG file is damaged: the checksum of its chunk {said!r} is wrong")
        if name == b"IDAT":
            parts.append((at + 8, end))
        at = end + 4
    # without its end, which no decoder needs: are all pixels there?
    pixels = zlib.decompressobj()
    for start, end in parts:
        pixels.decompress(content[start:end])
    if not pixels.eof:
        raise ValueError("the PNG file ends before its last chunk")
