"""The gallery's pictures, inside the page; only PNG files that lie in the gallery's own folder."""

from __future__ import annotations

import base64
from pathlib import Path

_PNG = b"\x89PNG\r\n\x1a\n"


def data_uri(folder: Path, name: str) -> str | None:
    """The picture ``folder/name`` as a ``data:`` address; None where it is no PNG of that folder or cannot be read.

    A gallery that came from elsewhere may name any file: a name with a folder in it, or a link that leads out of the
    gallery, is not followed.
    """
    path = folder / name
    try:
        if Path(name).name != name or "\\" in name or path.resolve().parent != folder.resolve():
            return None
        content = path.read_bytes() if path.is_file() else b""
    except (OSError, ValueError):  # ValueError: a name with NUL
        return None
    return "data:image/png;base64," + base64.b64encode(content).decode() if content.startswith(_PNG) else None
