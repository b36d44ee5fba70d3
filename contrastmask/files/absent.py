"""What is said of a file or folder that is not there: the first missing folder of its path, the name that is likely
meant, or else what lies in its place."""

from __future__ import annotations

import os
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from stat import S_ISDIR

_SHOWN = 4  # names of what lies there
_LISTED = 1000  # folders that are looked into, for a file that lies one deeper; names that are compared


def absent(what: str, path: str | Path, *, folder: bool | None = False) -> str | None:
    """What is wrong with a path that is to be read, with the likely way out; None where it may be read.

    Args:
        what: it should be, such as "the checkpoint". folder: whether it should be a folder; None: either.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"{what} {path} does not exist{_clue(path, folder)}"
    except (OSError, ValueError) as error:  # ValueError: a name with NUL
        return f"{what} {path} cannot be read: {getattr(error, 'strerror', None) or error}"
    return f"{what} {path} is no folder" if folder and not S_ISDIR(mode) else None


def _clue(path: Path, folder: bool | None) -> str:
    try:
        if path.is_symlink():
            return f": it is a link to {os.readlink(path)}, which is not there"
        gone = next((part for part in reversed(path.parents) if not os.path.lexists(part)), path)
        if not gone.parent.is_dir():
            return f": {gone.parent} is no folder"
        if gone.name == "~":
            return ": the shell leaves the ~ behind a = as it is; $HOME stands for the same folder"
        with os.scandir(gone.parent) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    except (OSError, ValueError):
        return ""
    if gone != path:
        return f": there is no folder {gone}; {_beside(gone, found, True, path.suffix)}"
    return f"; {_beside(gone, found, folder, path.suffix)}"


def _beside(gone: Path, found: list[tuple[str, bool]], folder: bool | None, suffix: str) -> str:
    """The name among those ``found`` in the place of ``gone`` that is likely meant, or else some of them, those of its
    kind first."""
    alike = [name for name, is_folder in found if folder in (None, is_folder)]
    if near := _nearest(gone.name, alike, folder=bool(folder)):
        return f"did you mean {_printable(near)}?"
    folders = [name for name, is_folder in found if is_folder]
    if deeper := [name for name in folders[:_LISTED] if os.path.exists(gone.parent / name / gone.name)]:
        return f"did you mean {_printable(os.path.join(deeper[0], gone.name))}?"
    place = gone.parent.absolute() if gone.parent == Path() else gone.parent
    if not found:
        return f"{place} is empty"
    found = _nearest_first(gone.name, found)
    alike = [name for name, is_folder in found if folder in (None, is_folder)]
    own = [name for name, is_folder in found if not is_folder and Path(name).suffix.lower() == suffix.lower()]
    names = list(dict.fromkeys([*(alike if folder else []), *own, *alike, *(name for name, _ in found)]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"in {place} {'lies' if len(names) == 1 else 'lie'} {', '.join(map(_printable, names[:_SHOWN]))}{more}"


def _nearest_first(name: str, found: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Those that are spelt most like it first; as they are where there are too many to compare."""
    if len(found) > _LISTED:
        return found
    match = SequenceMatcher(b=Path(name).stem.lower())

    def unlike(entry: tuple[str, bool]) -> float:
        match.set_seq1(Path(entry[0]).stem.lower())
        return -match.ratio()

    return sorted(found, key=unlike)


def _nearest(name: str, names: list[str], *, folder: bool) -> str | None:
    """The one that is spelt alike: of the same ending by what stands before it, of another by the whole name."""
    given, ending = (name, "") if folder else os.path.splitext(name)
    same = {other.removesuffix(ending).lower(): other for other in reversed(names) if other.endswith(ending)}
    if near := get_close_matches(given.lower(), same, n=1):
        return same[near[0]]
    whole = {other.lower(): other for other in reversed(names) if not other.endswith(ending)}
    return whole[near[0]] if (near := get_close_matches(name.lower(), whole, n=1, cutoff=0.8)) else None


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
