"""Where the file of a ``file_name`` lies in the image folder, however the name is written: other separators, capitals,
another Unicode form, an address of the web, the folders of an upload. It never leads out of the folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from contrastmask.data.images.rules import AUTO, PLAIN, ImageRules
from contrastmask.errors import DataError

_DRIVE_OR_SCHEME = re.compile(r"^([A-Za-z]:|[a-z][a-z0-9+]+:(?=//))")
_WEB = re.compile(r"^[a-z][a-z0-9+]+://")
_LOCAL_FILES = re.compile(r"(local-files/)\?d=")  # Label Studio's address of a file of its own disk
_UPLOADED = re.compile(r"^[0-9a-f]{8}(-|__)(?=.)")  # Label Studio puts it before the name of an upload
_SAMPLE = 200  # names that a way out is tried on


def parts_of(name: str) -> list[str]:
    """The parts of a name between separators of any system, without a drive, a scheme or a root.

    Of an address of the web what follows ``?`` or ``#`` is left out, and signs written as ``%20`` are read.
    """
    inner = _LOCAL_FILES.sub(r"\1", name)
    if _WEB.match(name):
        inner = re.split("[?#]", inner)[0]
    if inner != name or _WEB.match(name):
        inner = unquote(inner)
    return [part for part in re.split(r"[/\\]+", _DRIVE_OR_SCHEME.sub("", inner)) if part]


def kept_name(name: str, rules: ImageRules) -> str:
    """What of a name counts as far as its text tells: what follows `strip_path` folders; with "auto" the last part."""
    if rules.strip_path == 0:
        return name
    parts = parts_of(name)
    left_out = len(parts) if rules.strip_path == AUTO else int(rules.strip_path)
    return "/".join(parts[min(left_out, len(parts) - 1) :]) if parts else name


def find_image(root: Path, name: str, rules: ImageRules = PLAIN) -> tuple[Path, str]:
    """The file, links resolved, and its name inside ``root``, which is safe to write to another folder by.

    Where there is none, the path where it should be: whoever opens it says that it does not exist.

    Raises:
        DataError: the name leaves the folder, or a link does; several files may be meant; or there is no file, and
            another setting would find it.
    """
    root = root.resolve()
    kept = kept_name(name, rules)
    for candidate in _candidates(name, rules):
        if found := _existing(root, candidate):
            return _inside(root, found, rules), found
    if rules.strip_path == AUTO and (found := _anywhere(root, name)):
        return _inside(root, found, rules), found
    path = _inside(root, kept, rules)
    if rules.strip_path != AUTO and (setting := _way_out(root, name)):
        raise DataError(f"{path}: the image file does not exist; {setting}")
    return path, kept


def way_out(root: Path, names: list[str], all_names: list[str]) -> str:
    """The setting that finds files whose names cannot be used as they are; empty where none does.

    Args:
        names: those that cannot be used. all_names: of the whole file, which the setting has to suit.
    """
    root, names = root.resolve(), names[:_SAMPLE]
    suited = [*names, *all_names[:_SAMPLE]]
    for number in range(1, max(map(len, map(parts_of, names)), default=1)):
        rules = ImageRules(strip_path=number)
        if all(_existing(root, kept_name(name, rules)) for name in suited):
            folders = "first folder" if number == 1 else f"first {number} folders"
            return f"data.strip_path={number} leaves their {folders} out and finds the files"
    found = sum(1 for name in names if _by_its_end(root, name))
    return f"data.strip_path=auto finds {found} of {len(names)} of them by the ends of their names" if found else ""


def _candidates(name: str, rules: ImageRules) -> Iterator[str]:
    if rules.strip_path == AUTO:
        parts = parts_of(name)
        yield from ("/".join(parts[i:]) for i in range(len(parts)))
        if parts and _UPLOADED.match(parts[-1]):
            yield _UPLOADED.sub("", parts[-1])
    else:
        yield kept_name(name, rules)


def _existing(root: Path, name: str) -> str | None:
    """The name of a file inside ``root`` as the disk has it."""
    plain = (name, unquote(name), name.strip())
    spellings = dict.fromkeys([*plain, *(spelling.replace("\\", "/") for spelling in plain)])
    for find in (_exact, _equivalent):  # the very name first, however it may be written otherwise
        for spelling in filter(_is_inside, spellings):
            try:
                if found := find(root, spelling):
                    return found
            except (OSError, ValueError):  # a name too long, a NUL
                continue
    return None


def _exact(root: Path, name: str) -> str | None:
    return name if (root / name).is_file() else None


def _is_inside(name: str) -> bool:
    return not (Path(name).is_absolute() or ".." in parts_of(name))


def _equivalent(root: Path, name: str) -> str | None:
    """The one file whose name differs, part by part, by capitals or the Unicode form alone: one disk composes é,
    another takes it apart; one tells A from a, another does not."""
    here: list[str] = []
    for part in Path(name).parts:
        folder = root.joinpath(*here)
        if not (folder / part).exists():
            part = _entries(str(folder), folder.stat().st_mtime_ns).get(_folded(part), "")
            if not part:
                return None
        here.append(part)
    return "/".join(here) if root.joinpath(*here).is_file() else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@lru_cache(maxsize=256)
def _entries(folder: str, _changed: int) -> dict[str, str]:
    """Names of a folder by what they are but for capitals and the Unicode form; "" where several are alike."""
    found: dict[str, str] = {}
    for name in os.listdir(folder):
        found[_folded(name)] = "" if _folded(name) in found else name
    return found


@lru_cache(maxsize=8)
def _tree(root: str, _changed: int) -> dict[str, list[str]]:
    """Last part of a name → the files below ``root`` that have it; links to folders are not entered."""
    found: dict[str, list[str]] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            inside = os.path.relpath(os.path.join(folder, name), root)
            found.setdefault(unicodedata.normalize("NFC", name), []).append(inside)
    return found


def _anywhere(root: Path, name: str) -> str | None:
    last = unicodedata.normalize("NFC", parts[-1]) if (parts := parts_of(name)) else ""
    tree = _tree(str(root), root.stat().st_mtime_ns) if root.is_dir() else {}
    found = tree.get(last) or tree.get(_UPLOADED.sub("", last), [])
    if len(found) > 1:
        raise DataError(
            f"{name!r} may be any of {', '.join(sorted(found)[:3])} in {root}; data.strip_path=N leaves the first N "
            "folders of every name out"
        )
    return found[0].replace(os.sep, "/") if found else None


def _by_its_end(root: Path, name: str) -> str | None:
    try:
        ends = _candidates(name, ImageRules(strip_path=AUTO))
        return next(filter(None, (_existing(root, end) for end in ends)), None) or _anywhere(root, name)
    except DataError:
        return None


def _way_out(root: Path, name: str) -> str:
    for number in range(1, len(parts_of(name))):
        if found := _existing(root, kept_name(name, ImageRules(strip_path=number))):
            return f"data.strip_path={number} finds {found}"
    if found := _by_its_end(root, name):
        return f"data.strip_path=auto finds {found}"
    found = of_other_ending(root, name)
    return f"{found} does: if it is this one, `file_name` needs its ending" if found else ""


def of_other_ending(root: Path, name: str) -> str | None:
    """The one picture of this name but for what follows its last dot, or with an ending where it has none."""
    parts = parts_of(name)
    if not parts or not _is_inside(name):
        return None
    folder = root.joinpath(*parts[:-1])
    try:
        names = _stems(str(folder), folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None
    found = {*names.get(Path(parts[-1]).stem, []), *names.get(parts[-1], [])}
    return "/".join([*parts[:-1], *found]) if len(found) == 1 else None


@lru_cache(maxsize=8)
def _stems(folder: str, _changed: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in os.listdir(folder):
        found.setdefault(Path(name).stem, []).append(name)
    return found


def _inside(root: Path, name: str, rules: ImageRules) -> Path:
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{name!r} in {root} cannot be resolved: {error}") from error
    if not _is_inside(name):
        raise DataError(f"{name!r} leads out of the image folder {root}")
    if not path.is_relative_to(root) and not rules.follow_links:
        raise DataError(
            f"{name!r} leads out of the image folder {root} to {path}, by a link. data.follow_links=true follows links "
            "that you have made; or put the file itself there, or name the folder that really holds the images"
        )
    return path
