"""What a program may write: files alone, and none that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from contrastmask.errors import ConfigError
from contrastmask.files.kinds import no_file


def require_outputs(output: Path, written: Iterable[Path], read: Mapping[str, Path | None]) -> None:
    """Look at every file that a program with the setting ``output`` writes, before it works.

    Args:
        read: files that it reads, by what they are, such as "the input itself"; None where there is none.

    Raises:
        ConfigError: a folder or device lies where a file is written, or one that is read.
    """
    for path in written:
        if instead := no_file(path):
            raise ConfigError(f"output={output} would write {path}: {instead}; choose another name")
        for name, other in read.items():
            if other is not None and path.resolve() == other.resolve():
                raise ConfigError(f"output={output} would write {path}, {name}; choose another name")
