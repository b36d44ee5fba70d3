"""A run that fails before it has begun leaves no folder behind."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Forgotten:
    """The end of a claim: where an error ends it and the folder holds what Hydra writes at a start alone, the folder
    goes, and with it the folders around it that were made for it.

    Args:
        made: folders that were not there before, from the inside out. lock: name of the file that holds the claim.
    """

    def __init__(self, made: Sequence[Path], lock: str) -> None:
        self.made, self.lock = made, lock

    def __call__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As the exit of a context manager."""
        if kind is None or not self.made:
            return
        with suppress(OSError):
            if any(self._begun(path) for path in self.made[0].rglob("*")):
                return
            shutil.rmtree(self.made[0])
            for folder in self.made[1:]:
                folder.rmdir()

    def _begun(self, path: Path) -> bool:
        hydras = path.parent.name == ".hydra" or path.name in (self.lock, "multirun.yaml")
        return path.is_file() and not (hydras or (path.suffix == ".log" and path.stat().st_size == 0))


def missing_folders(folder: Path) -> list[Path]:
    """The folder and those around it that are not there, from the inside out."""
    return [place for place in (folder, *folder.parents) if not place.exists()]
