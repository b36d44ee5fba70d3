"""What each setting means, in the words that stand behind it in its program's file below ``conf/``; ``--help`` shows
them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contrastmask.conf_folder import CONF

_LINE = re.compile(r"( *)(\w+):(?:\s|$)(.*)")
_COLUMN = 32
_READING = CONF / "data" / "coco.yaml"  # how a file is read is told once, for every program


def setting_words(program: str) -> dict[str, str]:
    """Dotted setting → words; behind a heading such as ``# task=complete`` they begin with it."""
    found = {f"data.{name}": words for name, words in _told(_READING.read_text(encoding="utf-8"))}
    shared = ("base",) if program in ("train", "test") else ()
    for file in (*shared, program):
        found |= _told((CONF / f"{file}.yaml").read_text(encoding="utf-8"))
    return found


def with_words(settings: str, words: dict[str, str]) -> str:
    """A configuration in YAML with the words behind the settings."""
    lines = []
    for line, name in _named(settings):
        lines.append(f"{line:{_COLUMN}}# {words[name]}" if name in words else line)
    return "\n".join(lines)


def _told(text: str) -> Iterator[tuple[str, str]]:
    heading = ""
    for line, name in _named(text):
        if found := re.fullmatch(r"# (\w+=\w+)", line):
            heading = f"{found[1]}: "
        elif name and " # " in line:
            yield name, heading + line.partition(" # ")[2].strip()


def _named(text: str) -> Iterator[tuple[str, str]]:
    """The lines of YAML, each with the dotted name of its setting; no name where it has none."""
    parents: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            yield line, ""
            continue
        depth = len(found[1])
        parents = [*(parent for parent in parents if parent[0] < depth), (depth, found[2])]
        yield line, ".".join(name for _, name in parents)
