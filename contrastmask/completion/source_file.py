"""The file that is completed, read anew whenever its rows are needed: they outweigh everything else in memory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from contrastmask.data.file_content import no_garbage_collection, read_json, require_file
from contrastmask.errors import DataError
from contrastmask.files.kinds import no_file


class SourceFile:
    """An annotation file that must stay as it is until the masks are in its copy.

    Attributes:
        digest: of the bytes when the work began.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = digest(path)

    def content(self) -> dict[str, Any]:
        """The whole file.

        Raises:
            DataError: it is not what it was when the work began.
        """
        with no_garbage_collection():
            content = read_json(self.path)
        if digest(self.path) != self.digest:
            raise DataError(
                f"{self.path} changed while its masks were made; nothing is written. Put it back as it was to go on, "
                "or remove the journal beside the output to start anew"
            )
        return content

    def rows(self) -> list[Any]:
        """The file's list `annotations`."""
        return self.content()["annotations"]


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        DataError: it cannot be read.
    """
    found = hashlib.sha256()
    require_file(path)
    try:
        if instead := no_file(path):
            raise DataError(f"{path} cannot be read: {instead}; a file is needed")
        with path.open("rb") as file:
            while part := file.read(1 << 24):
                found.update(part)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
    return found.hexdigest()
